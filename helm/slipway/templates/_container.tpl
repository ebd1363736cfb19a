{{/* A container that runs slipway, and its environment. */}}

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
