{{/*
The app where no image is named: slipway's status page and admin API. Health is on a listener of its own that asks for
no token. The API is reachable from outside the pod only where there are tokens.
*/}}
{{- define "slipway.serveContainer" -}}
{{- $auth := .Values.serve.auth -}}
{{- include "slipway.container" (dict
  "s" .
  "name" "app"
  "args" (ternary (list "serve") (list "serve" "--insecure-no-auth") (ne $auth.existingSecret ""))
  "token" true
  "env" (include "slipway.serveEnv" . | trim)
  "mounts" (include "slipway.serveMounts" .)
  "ports" (include "slipway.servePorts" . | trim)
  "probes" (include "slipway.serveProbes" . | trim)) -}}
{{- end -}}

{{- define "slipway.serveEnv" -}}
- name: SLIPWAY_HEALTH_LISTEN
  value: 0.0.0.0:8081
{{- with .Values.serve.auth }}
{{- if .existingSecret }}
- name: SLIPWAY_LISTEN
  value: 0.0.0.0:8080
- name: SLIPWAY_API_TOKENS_FILE
  value: /etc/slipway/tokens/{{ .key }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "slipway.serveMounts" -}}
{{- if .Values.serve.auth.existingSecret }}
- name: slipway-tokens
  mountPath: /etc/slipway/tokens
  readOnly: true
{{- end }}
{{- end -}}

{{- define "slipway.serveVolumes" -}}
{{- with .Values.serve.auth }}
{{- if .existingSecret }}
- name: slipway-tokens
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end -}}

{{- define "slipway.servePorts" -}}
{{- if .Values.serve.auth.existingSecret }}
- name: http
  containerPort: 8080
{{- end }}
- name: health
  containerPort: 8081
{{- end -}}

{{- define "slipway.serveProbes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: health
  periodSeconds: 10
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  periodSeconds: 5
{{- end -}}
