{{/*
The scope that every template below works in: this chart's, also when another chart includes the template with its
own `.`. Then the values are those under `slipway:`, and the files those of the chart that includes it.
Argument: list of the caller's `.` and a dict to fill; a template can only give back text.
*/}}
{{- define "slipway.scope" -}}
{{- $caller := index . 0 -}}
{{- $own := $caller -}}
{{- range $name, $sub := $caller.Subcharts -}}
{{- if eq $name "slipway" -}}{{- $own = $sub -}}{{- end -}}
{{- end -}}
{{- range $key, $value := $own -}}{{- $_ := set (index $ 1) $key $value -}}{{- end -}}
{{- $_ := set (index . 1) "Files" $caller.Files -}}
{{- end -}}

{{- define "slipway.name" -}}
{{- default "slipway" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
At most 40 characters: a Job's and a CronJob's name are this and a suffix, and may have 63 and 52. What is longer ends
in a hash, so that two long names that begin alike stay two.
*/}}
{{- define "slipway.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = include "slipway.name" . -}}
{{- if contains $name .Release.Name -}}{{- $name = .Release.Name -}}
{{- else -}}{{- $name = printf "%s-%s" .Release.Name $name -}}{{- end -}}
{{- end -}}
{{- if gt (len $name) 40 -}}
{{- printf "%s-%s" ($name | trunc 31 | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- else -}}{{- $name -}}{{- end -}}
{{- end -}}

{{/* What the objects that slipway's pods need begin with. A hook has its own copies: see job.yaml. */}}
{{- define "slipway.base" -}}
{{- include "slipway.fullname" . }}{{ if .hookCopy }}-hook{{ end -}}
{{- end -}}

{{- define "slipway.statusName" -}}
{{- default (printf "%s-status" (include "slipway.fullname" .)) .Values.status.configMapName -}}
{{- end -}}

{{- define "slipway.cronJobName" -}}{{ include "slipway.fullname" . }}-run{{- end -}}

{{- define "slipway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "slipway.fullname" .) .Values.serviceAccount.name }}{{ if .hookCopy }}-hook{{ end -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "slipway.image" -}}
{{- $registry := default .Values.image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end -}}
{{- end -}}

{{- define "slipway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "slipway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Argument: list of the scope and the component. */}}
{{- define "slipway.podLabels" -}}
{{- $s := index . 0 -}}
{{- include "slipway.selectorLabels" $s }}
app.kubernetes.io/component: {{ index . 1 }}
{{- with $s.Values.podLabels }}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/* Argument: dict of s (the scope), name, component and, where there are some, labels and annotations. */}}
{{- define "slipway.metadata" -}}
{{- $annotations := merge (dict) (default dict .annotations) .s.Values.commonAnnotations -}}
name: {{ .name }}
namespace: {{ .s.Release.Namespace }}
labels:
  helm.sh/chart: {{ printf "%s-%s" .s.Chart.Name .s.Chart.Version | replace "+" "_" | trunc 63 }}
  app.kubernetes.io/version: {{ .s.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .s.Release.Service }}
  {{- include "slipway.selectorLabels" .s | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with merge (dict) (default dict .labels) .s.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Annotations of an object that slipway's pods need. A copy for a Helm hook is a hook itself, of a lower weight, and goes
when all hooks have succeeded; with Argo CD the object itself comes in an earlier wave than the Job.
Argument: list of the scope and more annotations.
*/}}
{{- define "slipway.inputAnnotations" -}}
{{- $s := index . 0 -}}
{{- $more := index . 1 -}}
{{- if $s.hookCopy -}}
{{- $more = merge (dict
  "helm.sh/hook" (include "slipway.hookEvents" $s)
  "helm.sh/hook-weight" "-10"
  "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded") $more -}}
{{- else if and (eq $s.Values.mode "hook") (eq $s.Values.hook.provider "argocd") -}}
{{- $more = merge (dict "argocd.argoproj.io/sync-wave" "-10") $more -}}
{{- end -}}
{{- toYaml $more -}}
{{- end -}}

{{- define "slipway.hookEvents" -}}
pre-install,pre-upgrade{{ if .Values.hook.onRollback }},pre-rollback{{ end }}
{{- end -}}
