{{/* Pods that run slipway and end, and the Jobs that make them. */}}

{{/* Scheduling and security that all pods of the chart have. Argument: the scope, with tokenForApp where the app wants one. */}}
{{- define "slipway.podSettings" -}}
{{- /* A token only where a container mounts it. And no variables such as PGPORT=tcp://…, which a Service called `pg`
would make in every pod beside it. */ -}}
automountServiceAccountToken: {{ default false .tokenForApp }}
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with concat (default list (.Values.global).imagePullSecrets) .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "string" . }}{{ . }}{{ else }}{{ .name }}{{ end }}
  {{- end }}
{{- end }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
{{- with index $.Values $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $field := list "priorityClassName" "runtimeClassName" }}
{{- with index $.Values $field }}
{{ $field }}: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Argument: dict of s (the scope) and args. */}}
{{- define "slipway.jobPodTemplate" -}}
{{- $s := .s -}}
metadata:
  labels:
    {{- include "slipway.podLabels" (list $s "run") | nindent 4 }}
  annotations:
    # A statement in the middle is worse than a node that stays a little longer.
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    karpenter.sh/do-not-disrupt: "true"
    {{- with include "slipway.checksums" $s | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with $s.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  # A failed attempt stays with its log, and podFailurePolicy needs it.
  restartPolicy: Never
  serviceAccountName: {{ include "slipway.serviceAccountName" $s }}
  {{- include "slipway.podSettings" $s | nindent 2 }}
  {{- with $s.Values.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $s | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "slipway.container" (dict "s" $s "name" "slipway" "args" .args "token" true) | nindent 6 | trim }}
  {{- with include "slipway.podVolumes" (list $s true) | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Exit codes of src/errors.ts after which only a person gets on; a test holds both together. */}}
{{- define "slipway.podFailurePolicy" -}}
{{- $s := .s -}}
{{- with $s.Values.job.podFailurePolicy }}
{{- toYaml . }}
{{- else -}}
rules:
  # A pod that was evicted or preempted did not fail.
  - action: Ignore
    onPodConditions:
      - type: DisruptionTarget
  # Settings and files (10 to 19), and what a person must mend in the database (30 to 39). The rest may pass.
  - action: {{ ternary "FailIndex" "FailJob" .indexed }}
    onExitCodes:
      containerName: slipway
      operator: In
      values: {{ toJson (concat (untilStep 10 20 1) (untilStep 30 40 1)) }}
{{- end }}
{{- end -}}

{{/* Argument: dict of s (the scope) and args. */}}
{{- define "slipway.jobSpec" -}}
{{- $job := .s.Values.job -}}
{{- $many := .s.Values.databases -}}
{{- if $many.names -}}
completionMode: Indexed
completions: {{ len $many.names }}
parallelism: {{ $many.parallelism }}
backoffLimitPerIndex: {{ $job.backoffLimit }}
{{- if ne (toString $many.maxFailedIndexes) "" }}
maxFailedIndexes: {{ $many.maxFailedIndexes }}
{{- end }}
{{- else -}}
backoffLimit: {{ $job.backoffLimit }}
{{- end }}
{{- with $job.activeDeadlineSeconds }}
activeDeadlineSeconds: {{ . | int64 }}
{{- end }}
podFailurePolicy:
  {{- include "slipway.podFailurePolicy" (dict "s" .s "indexed" (gt (len $many.names) 0)) | nindent 2 }}
template:
  {{- include "slipway.jobPodTemplate" . | nindent 2 }}
{{- end -}}

{{/*
A Job's template can't change, so another one needs another name, also where nobody counts revisions (Argo CD). The
name holds a hash of everything that can't change: image, arguments, environment, the names of the ConfigMaps. A hook
is deleted before it is made again, and keeps its name.
*/}}
{{- define "slipway.jobName" -}}
{{- if eq .Values.mode "hook" -}}
{{- include "slipway.fullname" . }}-run
{{- else -}}
{{- $spec := include "slipway.jobSpec" (dict "s" . "args" (list "run")) | fromYaml -}}
{{- include "slipway.fullname" . }}-{{ list $spec .Values.job.nonce | toJson | sha256sum | trunc 8 }}
{{- end -}}
{{- end -}}

{{- define "slipway.jobObject" -}}
{{- $s := . -}}
{{- $annotations := dict -}}
{{- $ttl := .Values.job.ttlSecondsAfterFinished -}}
{{- if ne .Values.mode "hook" -}}
{{- $annotations = dict "argocd.argoproj.io/sync-options" "PruneLast=true" -}}
{{- else -}}
{{- $ttl = .Values.hook.ttlSecondsAfterFinished -}}
{{- if eq .Values.hook.provider "helm" -}}
{{- $annotations = dict
  "helm.sh/hook" (include "slipway.hookEvents" $s)
  "helm.sh/hook-weight" "-5"
  "helm.sh/hook-delete-policy" "before-hook-creation"
  "helm.sh/hook-output-log-policy" "hook-failed" -}}
{{- else -}}
{{- $annotations = dict
  "argocd.argoproj.io/hook" "Sync"
  "argocd.argoproj.io/hook-delete-policy" "BeforeHookCreation"
  "argocd.argoproj.io/sync-wave" "-5" -}}
{{- end -}}
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" (include "slipway.jobName" $s) "component" "run" "labels" .Values.job.labels "annotations" (merge $annotations .Values.job.annotations)) | nindent 2 }}
spec:
  {{- if .Values.job.suspend }}
  suspend: true
  {{- end }}
  {{- with $ttl }}
  ttlSecondsAfterFinished: {{ . | int64 }}
  {{- end }}
  {{- include "slipway.jobSpec" (dict "s" $s "args" (list "run")) | nindent 2 }}
{{- end -}}

{{- define "slipway.cronJob" -}}
{{- $s := . -}}
{{- with .Values.cronJob }}
{{- if .enabled }}
---
apiVersion: batch/v1
kind: CronJob
metadata:
  {{- include "slipway.metadata" (dict "s" $s "name" (include "slipway.cronJobName" $s) "component" "run") | nindent 2 }}
spec:
  # Suspended, it is the template of `kubectl create job --from=cronjob/{{ include "slipway.cronJobName" $s }} NAME`.
  suspend: {{ .suspend }}
  schedule: {{ .schedule | quote }}
  concurrencyPolicy: Forbid
  jobTemplate:
    metadata:
      labels:
        {{- include "slipway.podLabels" (list $s "run") | nindent 8 }}
    spec:
      ttlSecondsAfterFinished: {{ .ttlSecondsAfterFinished }}
      {{- include "slipway.jobSpec" (dict "s" $s "args" .args) | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}
