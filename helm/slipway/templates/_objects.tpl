{{/* The objects that pods need which run slipway. All take the scope and begin with `---`. */}}

{{- define "slipway.inputs" -}}
{{- include "slipway.accountAndRole" . -}}
{{- include "slipway.secret" . -}}
{{- end -}}

{{- define "slipway.accountAndRole" -}}
{{- $s := . -}}
{{- $name := include "slipway.base" . -}}
{{- if .Values.serviceAccount.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" (include "slipway.serviceAccountName" $s) "component" "run" "annotations" (include "slipway.inputAnnotations" (list $s .Values.serviceAccount.annotations) | fromYaml)) | nindent 2 }}
# Pods that need the token mount it themselves, in slipway's container alone.
automountServiceAccountToken: false
{{- end }}
{{- if and .Values.rbac.create .Values.status.enabled }}
{{- $annotations := include "slipway.inputAnnotations" (list $s dict) | fromYaml }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" $name "component" "run" "annotations" $annotations) | nindent 2 }}
rules:
  # The status alone. `create` can be limited by name as well, because slipway writes by server-side apply: unlike a
  # POST, that request names what it would create.
  - apiGroups: [""]
    resources: [configmaps]
    resourceNames: [{{ include "slipway.statusName" $s }}]
    verbs: [get, create, patch]
  {{- if .Values.status.events }}
  # A new event has no name before it is there, so it can't be limited by one.
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create]
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" $name "component" "run" "annotations" $annotations) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "slipway.serviceAccountName" $s }}
    namespace: {{ .Release.Namespace }}
{{- end }}
{{- end -}}

{{/*
Kept, they are hooks: what a hook makes Helm never takes away. As objects of the release they would go with the next one,
and a pod of the ReplicaSet before, evicted while the new one still fails, would wait for its files for ever. The
annotation `helm.sh/resource-policy: keep` would do as well, if `helm rollback` didn't stop at objects that are there.
*/}}
{{- define "slipway.configMapAnnotations" -}}
{{- $isHelmHook := and (eq .Values.mode "hook") (eq .Values.hook.provider "helm") -}}
{{- $isArgoHook := and (eq .Values.mode "hook") (eq .Values.hook.provider "argocd") -}}
{{- if or $isHelmHook (and .Values.keepConfigMaps (not $isArgoHook)) -}}
helm.sh/hook: pre-install,pre-upgrade,pre-rollback
helm.sh/hook-weight: "-10"
helm.sh/hook-delete-policy: before-hook-creation
{{- else -}}
{{- /* Argo CD prunes what a release no longer has, and so not before the pods of the new one are ready. */ -}}
{{- include "slipway.inputAnnotations" (list . (dict "argocd.argoproj.io/sync-options" "PruneLast=true")) -}}
{{- end -}}
{{- end -}}

{{- define "slipway.configMaps" -}}
{{- $s := . -}}
{{- $annotations := include "slipway.configMapAnnotations" . | fromYaml -}}
{{- range $kind := list "migrations" "schema" }}
{{- range include "slipway.chunks" (list $s $kind) | fromJsonArray }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" .name "component" $kind "annotations" $annotations) | nindent 2 }}
immutable: true
{{- with .data }}
data:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .binaryData }}
binaryData:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.settings }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" (include "slipway.settingsName" $s) "component" "settings" "annotations" $annotations) | nindent 2 }}
immutable: true
data:
  slipway.yaml: |
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "slipway.secret" -}}
{{- if trim (include "slipway.ownSecretData" .) }}
---
apiVersion: v1
kind: Secret
metadata:
  {{- include "slipway.metadata" (dict "s" . "name" (printf "%s-database" (include "slipway.base" .)) "component" "run" "annotations" (include "slipway.inputAnnotations" (list . dict) | fromYaml)) | nindent 2 }}
type: Opaque
data:
  {{- include "slipway.ownSecretData" . | trim | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "slipway.claim" -}}
{{- $own := .Values.migrationsPersistence -}}
{{- if and $own.enabled (not $own.existingClaim) (not .Values.migrations.existingClaim) }}
{{- $class := default (.Values.global).storageClass $own.storageClass }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "slipway.metadata" (dict "s" . "name" (include "slipway.claimName" (list . "migrations")) "component" "migrations" "annotations" (include "slipway.inputAnnotations" (list . (merge (dict "helm.sh/resource-policy" "keep") $own.annotations)) | fromYaml)) | nindent 2 }}
spec:
  accessModes: {{ toJson $own.accessModes }}
  {{- if $class }}
  storageClassName: {{ ternary "" $class (eq $class "-") | quote }}
  {{- end }}
  {{- with $own.selector }}
  selector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    requests:
      storage: {{ $own.size }}
{{- end }}
{{- end -}}
