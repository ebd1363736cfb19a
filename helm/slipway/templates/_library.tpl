{{/*
For charts that have slipway as a dependency, with `slipway.mode: library`. Each is included with the caller's own `.`:

    initContainers:
      {{- include "slipway.initContainer" . | nindent 6 }}
    volumes:
      {{- include "slipway.volumes" . | nindent 6 }}

Within this chart they are what its own templates are made of.
*/}}

{{/* slipway before the app, in every pod. */}}
{{- define "slipway.initContainer" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- if $s.Values.databases.names -}}
{{- fail "databases: many databases need a Job, set mode to job or hook" -}}
{{- end -}}
- {{ include "slipway.container" (dict "s" $s "name" "slipway" "args" (list "run") "token" true) | nindent 2 | trim }}
{{- end -}}

{{/* Waits until the database is at what the files ask for, beside a Job that gets it there. Needs no account. */}}
{{- define "slipway.waitContainer" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- $_ := set $s "secretName" $s.Values.wait.existingSecret -}}
{{- $args := concat (list "wait" (printf "--timeout=%s" $s.Values.wait.timeout)) $s.Values.wait.extraArgs -}}
- {{ include "slipway.container" (dict "s" $s "name" "slipway-wait" "args" $args) | nindent 2 | trim }}
{{- end -}}

{{/* The volumes of either. Beside an init container the pod's `serviceAccountName` is "slipway.account". */}}
{{- define "slipway.volumes" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- include "slipway.podVolumes" (list $s true) | trim -}}
{{- end -}}

{{/* Annotations of the pod template: a change of the files rolls the pods. */}}
{{- define "slipway.annotations" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- include "slipway.checksums" $s | trim -}}
{{- end -}}

{{/* Name of the account that may write the status. */}}
{{- define "slipway.account" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- include "slipway.serviceAccountName" $s -}}
{{- end -}}

{{/* ServiceAccount, Role and RoleBinding. */}}
{{- define "slipway.rbac" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- include "slipway.accountAndRole" $s -}}
{{- end -}}

{{/* Everything that slipway's pods need: account and Role, ConfigMaps, Secret, claim; and the suspended CronJob. */}}
{{- define "slipway.objects" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- include "slipway.inputs" $s -}}
{{- include "slipway.configMaps" $s -}}
{{- include "slipway.claim" $s -}}
{{- include "slipway.cronJob" $s -}}
{{- end -}}

{{/* The Job, named by what it does. In `mode: library` for charts whose pods wait. */}}
{{- define "slipway.job" -}}
{{- $s := dict -}}{{- include "slipway.scope" (list . $s) -}}
{{- include "slipway.jobObject" $s -}}
{{- end -}}
