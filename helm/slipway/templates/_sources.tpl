{{/*
Files of the chart and values become ConfigMaps that are named by their content and never change, so that a ReplicaSet
of an earlier release keeps the files that it was made for.
*/}}

{{- define "slipway.bytesPerConfigMap" -}}1048576{{- end -}}

{{/*
The ConfigMaps that hold the files of one source, as a JSON list of {name, items, data, binaryData}; items say which
key is which path in the folder. Argument: list of the scope and `migrations` or `schema`.
*/}}
{{- define "slipway.chunks" -}}
{{- $s := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $cached := printf "chunks-%s" $kind -}}
{{- if not (hasKey $s $cached) -}}
{{- $_ := set $s $cached (include "slipway.makeChunks" (list $s $kind (index $s.Values $kind))) -}}
{{- end -}}
{{- index $s $cached -}}
{{- end -}}

{{- define "slipway.makeChunks" -}}
{{- $s := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $source := index . 2 -}}
{{- $limit := include "slipway.bytesPerConfigMap" . | int -}}
{{- $files := dict -}}
{{- with $source.files -}}
{{- $folder := regexReplaceAll "[^/]*[*?\\[{].*$" . "" -}}
{{- range $path, $_ := $s.Files.Glob . -}}
{{- $_ := set $files (trimPrefix $folder $path) ($s.Files.Get $path) -}}
{{- end -}}
{{- if not $files -}}
{{- fail (printf "%s.files: no file of the chart matches %q" $kind .) -}}
{{- end -}}
{{- end -}}
{{- range $path, $text := $source.inline -}}
{{- if hasKey $files $path -}}
{{- fail (printf "%s.inline: %q is among %s.files too" $kind $path $kind) -}}
{{- end -}}
{{- $_ := set $files $path $text -}}
{{- end -}}
{{- $chunks := list -}}
{{- $chunk := dict "size" 0 "items" dict "data" dict "binaryData" dict -}}
{{- $keys := dict -}}
{{- range $path := keys $files | sortAlpha -}}
{{- $content := get $files $path -}}
{{- $key := replace "/" "__" $path -}}
{{- if and (eq $kind "migrations") (contains "/" $path) -}}
{{- fail (printf "migrations: %q is in a folder of its own, and a folder of migrations is flat" $path) -}}
{{- end -}}
{{- if or (not (regexMatch "^[-._a-zA-Z0-9]{1,253}$" $key)) (hasPrefix ".." $key) -}}
{{- fail (printf "%s: %q can't be a key of a ConfigMap, which has letters, digits, '-', '_' and '.' only" $kind $path) -}}
{{- end -}}
{{- if hasKey $keys $key -}}
{{- fail (printf "%s: %q and %q would be the same key of a ConfigMap" $kind (get $keys $key) $path) -}}
{{- end -}}
{{- $_ := set $keys $key $path -}}
{{- $size := len $content -}}
{{- if gt $size $limit -}}
{{- fail (printf "%s: %q has %d bytes and a ConfigMap holds at most %d: put it into an image or a volume claim" $kind $path $size $limit) -}}
{{- end -}}
{{- if gt (add $size $chunk.size | int) $limit -}}
{{- $chunks = append $chunks $chunk -}}
{{- $chunk = dict "size" 0 "items" dict "data" dict "binaryData" dict -}}
{{- end -}}
{{- $_ := set $chunk "size" (add $size $chunk.size | int) -}}
{{- $_ := set $chunk.items $key $path -}}
{{- /* JSON puts U+FFFD in the place of what is not UTF-8. And what YAML's readers don't agree on goes as bytes too:
control characters, carriage returns, line separators, a byte order mark. */ -}}
{{- $isText := not (regexMatch `[\x00-\x08\x0b-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{feff}]` $content) -}}
{{- if and $isText (eq $content (dict "text" $content | toJson | fromJson).text) -}}
{{- $_ := set $chunk.data $key $content -}}
{{- else -}}
{{- $_ := set $chunk.binaryData $key (b64enc $content) -}}
{{- end -}}
{{- end -}}
{{- if $chunk.items -}}{{- $chunks = append $chunks $chunk -}}{{- end -}}
{{- range $chunks -}}
{{- $hash := toJson (dict "items" .items "data" .data "binaryData" .binaryData) | sha256sum | trunc 8 -}}
{{- $_ := set . "name" (printf "%s-%s-%s" (include "slipway.fullname" $s) $kind $hash) -}}
{{- end -}}
{{- toJson $chunks -}}
{{- end -}}

{{- define "slipway.settingsName" -}}
{{- printf "%s-settings-%s" (include "slipway.fullname" .) (toJson .Values.settings | sha256sum | trunc 8) -}}
{{- end -}}

{{/* Sources of a projected volume. Argument: list of existing ConfigMaps, and the chunks with the items to take. */}}
{{- define "slipway.projectedSources" -}}
{{- range index . 0 }}
- configMap:
    {{- if kindIs "string" . }}
    name: {{ . }}
    {{- else }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- range index . 1 }}
{{- if .items }}
- configMap:
    name: {{ .name }}
    items:
      {{- range $key, $path := .items }}
      - key: {{ $key | quote }}
        path: {{ $path | quote }}
      {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
The chunks of the schema with only those items that are in schemas/ (`inside` true, paths relative to it) or beside it.
Argument: list of the scope and `inside`.
*/}}
{{- define "slipway.schemaChunks" -}}
{{- $s := index . 0 -}}
{{- $inside := index . 1 -}}
{{- $parts := list -}}
{{- range include "slipway.chunks" (list $s "schema") | fromJsonArray -}}
{{- $items := dict -}}
{{- range $key, $path := .items -}}
{{- if eq $inside (hasPrefix "schemas/" $path) -}}
{{- $_ := set $items $key (trimPrefix "schemas/" $path) -}}
{{- end -}}
{{- end -}}
{{- $parts = append $parts (dict "name" .name "items" $items) -}}
{{- end -}}
{{- toJson $parts -}}
{{- end -}}

{{/* Which source of a folder is used: configMap, claim, image or nothing. Argument: list of the scope and the kind. */}}
{{- define "slipway.sourceOf" -}}
{{- $s := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $source := index $s.Values $kind -}}
{{- $found := list -}}
{{- if or $source.existingConfigMaps $source.files $source.inline (($source.bootstrap).existingConfigMap) -}}
{{- $found = append $found "configMap" -}}
{{- end -}}
{{- if include "slipway.claimName" . -}}{{- $found = append $found "claim" -}}{{- end -}}
{{- if $source.image.reference -}}{{- $found = append $found "image" -}}{{- end -}}
{{- if gt (len $found) 1 -}}
{{- fail (printf "%s: files come from ConfigMaps, from a claim or from an image, and here from %s" $kind (join " and " $found)) -}}
{{- end -}}
{{- with $found -}}{{- first . -}}{{- end -}}
{{- end -}}

{{- define "slipway.claimName" -}}
{{- $s := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $claim := (index $s.Values $kind).existingClaim -}}
{{- if eq $kind "migrations" -}}
{{- $own := $s.Values.migrationsPersistence -}}
{{- if and (not $claim) $own.enabled -}}
{{- $claim = default (printf "%s-migrations" (include "slipway.fullname" $s)) $own.existingClaim -}}
{{- end -}}
{{- end -}}
{{- $claim -}}
{{- end -}}

{{- define "slipway.migrationsPath" -}}
{{- $path := default .Values.config.database.user_migrations_path .Values.config.database.userMigrationsPath -}}
{{- if and (not $path) (include "slipway.sourceOf" (list . "migrations")) -}}{{- $path = "/migrations/user" -}}{{- end -}}
{{- $path -}}
{{- end -}}

{{- define "slipway.schemaPath" -}}
{{- $path := .Values.schema.path -}}
{{- if and (not $path) (include "slipway.sourceOf" (list . "schema")) -}}{{- $path = "/slipway/schema" -}}{{- end -}}
{{- $path -}}
{{- end -}}

{{/* Files that lie in the schema's folder beside schemas/, each mounted by itself: path to ConfigMap and key. */}}
{{- define "slipway.schemaTopFiles" -}}
{{- $files := dict -}}
{{- with .Values.schema.bootstrap -}}
{{- if .existingConfigMap -}}{{- $_ := set $files "bootstrap.sql" true -}}{{- end -}}
{{- end -}}
{{- range include "slipway.schemaChunks" (list . false) | fromJsonArray -}}
{{- range $key, $path := .items -}}{{- $_ := set $files $path true -}}{{- end -}}
{{- end -}}
{{- toJson (keys $files | sortAlpha) -}}
{{- end -}}

{{/* Rolls the pods, and names the Job, when the content changes or somebody says that it did. */}}
{{- define "slipway.checksums" -}}
{{- range $kind := list "migrations" "schema" -}}
{{- if include "slipway.sourceOf" (list $ $kind) -}}
{{- $names := list -}}
{{- range include "slipway.chunks" (list $ $kind) | fromJsonArray -}}{{- $names = append $names .name -}}{{- end }}
checksum/{{ $kind }}: {{ toJson (list $names (omit (index $.Values $kind) "inline")) | sha256sum }}
{{- else if (index $.Values $kind).revision }}
checksum/{{ $kind }}: {{ (index $.Values $kind).revision | toString | sha256sum }}
{{- end -}}
{{- end -}}
{{- if include "slipway.ownSecretData" . }}
checksum/database: {{ include "slipway.ownSecretData" . | sha256sum }}
{{- end -}}
{{- end -}}
