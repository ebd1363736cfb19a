{{/* Environment, mounts and volumes of a container that runs slipway. All take the scope. */}}

{{- define "slipway.secretKeys" -}}
{{- $db := .Values.database -}}
{{- $keys := dict -}}
{{- if eq $db.preset "cloudnativepg" -}}
{{- $_ := set $keys "url" "uri" -}}
{{- else if eq $db.preset "bitnami" -}}
{{- $_ := set $keys "password" (ternary "postgres-password" "password" (has $db.user (list "" "postgres"))) -}}
{{- end -}}
{{- range $name, $key := $db.secretKeys -}}{{- if $key -}}{{- $_ := set $keys $name $key -}}{{- end -}}{{- end -}}
{{- if not $keys -}}{{- $_ := set $keys "url" "url" -}}{{- end -}}
{{- toJson $keys -}}
{{- end -}}

{{/* What the chart's own Secret holds: only what was given as a value and is secret. */}}
{{- define "slipway.ownSecretData" -}}
{{- $db := .Values.database -}}
{{- with $db.url }}
url: {{ . | b64enc }}
{{- end }}
{{- with $db.password }}
password: {{ . | b64enc }}
{{- end }}
{{- end -}}

{{/* Argument: the scope, with secretName where another Secret than `database.existingSecret` has the login. */}}
{{- define "slipway.databaseEnv" -}}
{{- $db := .Values.database -}}
{{- $many := .Values.databases -}}
{{- $own := printf "%s-database" (include "slipway.base" .) -}}
{{- $existing := default $db.existingSecret .secretName -}}
{{- $keys := ternary (include "slipway.secretKeys" . | fromJson) dict (ne $existing "") -}}
{{- $variables := dict "url" "DATABASE_URL" "host" "PGHOST" "port" "PGPORT" "name" "PGDATABASE" "user" "PGUSER" "password" "PGPASSWORD" -}}
{{- if and $db.preset (not $existing) -}}
{{- fail (printf "database.preset %q names the keys of a Secret: set database.existingSecret" $db.preset) -}}
{{- end -}}
{{- if and (eq $db.preset "bitnami") (not $db.host) -}}
{{- fail "database.preset \"bitnami\": its Secret has a password only, set database.host" -}}
{{- end -}}
{{- if and $many.names (or $db.url $db.existingSecret) -}}
{{- fail "databases: the URLs of many databases are in databases.existingSecret, leave out database.url and database.existingSecret" -}}
{{- end -}}
{{- if $many.names }}
- name: SLIPWAY_DATABASES
  value: /etc/slipway/databases
{{- else if not (or $db.url $db.host $db.existingSecret .Values.extraEnv .Values.extraEnvFrom) -}}
{{- fail "no database: set database.existingSecret, database.url or database.host" -}}
{{- end }}
{{- range $field := list "url" "host" "port" "name" "user" "password" }}
{{- $value := index $db $field -}}
{{- if and (eq $db.preset "bitnami") (not $value) -}}
{{- $value = get (dict "name" "postgres" "user" "postgres") $field -}}
{{- end -}}
{{- if hasKey $keys $field }}
- name: {{ get $variables $field }}
  valueFrom:
    secretKeyRef:
      name: {{ $existing }}
      key: {{ get $keys $field }}
{{- else if and $value (has $field (list "url" "password")) }}
- name: {{ get $variables $field }}
  valueFrom:
    secretKeyRef:
      name: {{ $own }}
      key: {{ $field }}
{{- else if $value }}
- name: {{ get $variables $field }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- with $db.sslMode }}
- name: PGSSLMODE
  value: {{ . }}
{{- end }}
{{- if or $db.tls.existingSecret $db.tls.existingConfigMap }}
{{- range $variable, $key := dict "PGSSLROOTCERT" $db.tls.caKey "PGSSLCERT" $db.tls.certKey "PGSSLKEY" $db.tls.keyKey }}
{{- if $key }}
- name: {{ $variable }}
  value: /etc/slipway/tls/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Argument: the scope, with token where the container mounts it: without it nothing can be written. */}}
{{- define "slipway.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
{{- include "slipway.databaseEnv" . }}
- name: SLIPWAY_LOG_FORMAT
  value: json
{{- with include "slipway.migrationsPath" . }}
- name: DB_USER_MIGRATIONS_PATH
  value: {{ . | quote }}
{{- end }}
{{- if not .Values.schema.enabled }}
- name: SLIPWAY_SCHEMA_PATH
  value: ""
{{- else if include "slipway.schemaPath" . }}
- name: SLIPWAY_SCHEMA_PATH
  value: {{ include "slipway.schemaPath" . | quote }}
{{- end }}
{{- if .Values.settings }}
- name: SLIPWAY_CONFIG
  value: /etc/slipway/slipway.yaml
{{- end }}
{{- if and .Values.status.enabled .token }}
- name: SLIPWAY_STATUS_CONFIGMAP
  value: {{ include "slipway.statusName" . }}
{{- end }}
{{- with .Values.approve }}
- name: SLIPWAY_APPROVE
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.placeholders }}
- name: SLIPWAY_VAR_{{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- define "slipway.volumeMounts" -}}
{{- $migrations := include "slipway.sourceOf" (list . "migrations") }}
{{- $schema := include "slipway.sourceOf" (list . "schema") }}
{{- if $migrations }}
- name: slipway-migrations
  mountPath: {{ include "slipway.migrationsPath" . }}
  readOnly: true
  {{- with ternary .Values.migrations.image.subPath .Values.migrations.subPath (eq $migrations "image") }}
  subPath: {{ . }}
  {{- end }}
{{- end }}
{{- if and $schema .Values.schema.enabled }}
{{- if eq $schema "configMap" }}
{{- if include "slipway.hasSchemas" . }}
- name: slipway-schemas
  mountPath: {{ include "slipway.schemaPath" . }}/schemas
  readOnly: true
{{- end }}
{{- range include "slipway.schemaTopFiles" . | fromJsonArray }}
- name: slipway-schema
  mountPath: {{ include "slipway.schemaPath" $ }}/{{ . }}
  subPath: {{ . | quote }}
  readOnly: true
{{- end }}
{{- else }}
- name: slipway-schema
  mountPath: {{ include "slipway.schemaPath" . }}
  readOnly: true
  {{- with ternary .Values.schema.image.subPath .Values.schema.subPath (eq $schema "image") }}
  subPath: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
{{- if .Values.settings }}
- name: slipway-settings
  mountPath: /etc/slipway/slipway.yaml
  subPath: slipway.yaml
  readOnly: true
{{- end }}
{{- if or .Values.database.tls.existingSecret .Values.database.tls.existingConfigMap }}
- name: slipway-tls
  mountPath: /etc/slipway/tls
  readOnly: true
{{- end }}
{{- if .Values.databases.names }}
- name: slipway-databases
  mountPath: /etc/slipway/databases
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{/* Where the token lies that lets slipway write its status; the app's container, in the same pod, hasn't got it. */}}
{{- define "slipway.tokenMount" -}}
{{- if .Values.status.enabled }}
- name: slipway-token
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end }}
{{- end -}}

{{- define "slipway.hasSchemas" -}}
{{- $found := .Values.schema.existingConfigMaps -}}
{{- range include "slipway.schemaChunks" (list . true) | fromJsonArray -}}{{- if .items -}}{{- $found = true -}}{{- end -}}{{- end -}}
{{- if $found -}}true{{- end -}}
{{- end -}}

{{/* Argument: list of the scope and whether a container mounts the token. */}}
{{- define "slipway.podVolumes" -}}
{{- $s := index . 0 -}}
{{- $migrations := include "slipway.sourceOf" (list $s "migrations") }}
{{- $schema := include "slipway.sourceOf" (list $s "schema") }}
{{- with $s.Values.migrations }}
{{- if eq $migrations "configMap" }}
- name: slipway-migrations
  projected:
    sources:
      {{- include "slipway.projectedSources" (list .existingConfigMaps (include "slipway.chunks" (list $s "migrations") | fromJsonArray)) | trim | nindent 6 }}
{{- else if $migrations }}
- name: slipway-migrations
  {{- include "slipway.folderVolume" (list $s "migrations" $migrations) | nindent 2 }}
{{- end }}
{{- end }}
{{- if and $schema $s.Values.schema.enabled }}
{{- if eq $schema "configMap" }}
{{- if include "slipway.hasSchemas" $s }}
- name: slipway-schemas
  projected:
    sources:
      {{- include "slipway.projectedSources" (list $s.Values.schema.existingConfigMaps (include "slipway.schemaChunks" (list $s true) | fromJsonArray)) | trim | nindent 6 }}
{{- end }}
{{- if include "slipway.schemaTopFiles" $s | fromJsonArray }}
{{- $bootstrap := list }}
{{- with $s.Values.schema.bootstrap }}
{{- if .existingConfigMap }}
{{- $bootstrap = list (dict "name" .existingConfigMap "items" (list (dict "key" .key "path" "bootstrap.sql"))) }}
{{- end }}
{{- end }}
- name: slipway-schema
  projected:
    sources:
      {{- include "slipway.projectedSources" (list $bootstrap (include "slipway.schemaChunks" (list $s false) | fromJsonArray)) | trim | nindent 6 }}
{{- end }}
{{- else }}
- name: slipway-schema
  {{- include "slipway.folderVolume" (list $s "schema" $schema) | nindent 2 }}
{{- end }}
{{- end }}
{{- if $s.Values.settings }}
- name: slipway-settings
  configMap:
    name: {{ include "slipway.settingsName" $s }}
{{- end }}
{{- with $s.Values.database.tls }}
{{- if .existingSecret }}
- name: slipway-tls
  secret:
    secretName: {{ .existingSecret }}
    # Readable by fsGroup and nobody else: a private key may be among them.
    defaultMode: 0440
{{- else if .existingConfigMap }}
- name: slipway-tls
  configMap:
    name: {{ .existingConfigMap }}
{{- end }}
{{- end }}
{{- with $s.Values.databases }}
{{- if .names }}
- name: slipway-databases
  secret:
    secretName: {{ required "databases.existingSecret: the Secret that holds the URLs of databases.names" .existingSecret }}
    defaultMode: 0440
    items:
      {{- range .names | sortAlpha }}
      - key: {{ . | quote }}
        path: {{ . | quote }}
      {{- end }}
{{- end }}
{{- end }}
{{- if and (index . 1) $s.Values.status.enabled }}
- name: slipway-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}
{{- with $s.Values.extraVolumes }}
{{ tpl (toYaml .) $s }}
{{- end }}
{{- end -}}

{{- define "slipway.folderVolume" -}}
{{- $s := index . 0 -}}
{{- $kind := index . 1 -}}
{{- if eq (index . 2) "claim" -}}
persistentVolumeClaim:
  claimName: {{ include "slipway.claimName" . }}
{{- else -}}
image:
  reference: {{ (index $s.Values $kind).image.reference }}
  pullPolicy: {{ (index $s.Values $kind).image.pullPolicy }}
{{- end -}}
{{- end -}}

{{/* Argument: dict of s (the scope), name, args and, where it may write the status, token. */}}
{{- define "slipway.container" -}}
{{- $token := default false .token -}}
name: {{ .name }}
image: {{ include "slipway.image" .s }}
imagePullPolicy: {{ .s.Values.image.pullPolicy }}
args: {{ toJson .args }}
env:
  {{- include "slipway.env" (merge (dict "token" $token) .s) | nindent 2 }}
  {{- with .env }}
  {{- . | nindent 2 }}
  {{- end }}
{{- with .s.Values.extraEnvFrom }}
envFrom:
  {{- tpl (toYaml .) $.s | nindent 2 }}
{{- end }}
{{- $mounts := print (include "slipway.volumeMounts" .s) (ternary (include "slipway.tokenMount" .s) "" $token) (default "" .mounts) -}}
{{- with trim $mounts }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- with .ports }}
ports:
  {{- . | nindent 2 }}
{{- end }}
{{- with .probes }}
{{ . }}
{{- end }}
{{- /* What slipway leaves there is the reason; should it not get that far, the end of the log is. */}}
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- toYaml .s.Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .s.Values.containerSecurityContext | nindent 2 }}
{{- end -}}
