{{/* Volumes of a pod that runs slipway, and the mounts of its container. All take the scope. */}}

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
{{- /* An older API server drops the field, and a volume without a source is an empty folder. */ -}}
{{- if semverCompare "<1.31.0-0" $s.Capabilities.KubeVersion.Version -}}
{{- fail (printf "%s.image: image volumes came with Kubernetes 1.31, and this is %s" $kind $s.Capabilities.KubeVersion.Version) -}}
{{- end -}}
image:
  reference: {{ (index $s.Values $kind).image.reference }}
  pullPolicy: {{ (index $s.Values $kind).image.pullPolicy }}
{{- end -}}
{{- end -}}
