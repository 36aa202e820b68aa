{{- define "blockyard.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "blockyard.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "blockyard.labels" -}}
{{ include "blockyard.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "blockyard.image" -}}
{{- $repository := required "image.repository says where the image is, such as ghcr.io/OWNER/blockyard" .Values.image.repository -}}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}{{ else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{- /* What every pod of ours may: nothing. */ -}}
{{- define "blockyard.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
# Whose group the mounted secrets have.
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "blockyard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "blockyard.databaseCA.env" -}}
{{- if .Values.databaseCA.configMap }}
- name: DATABASE_CA
  value: /etc/blockyard/ca/{{ .Values.databaseCA.key }}
{{- end }}
{{- end }}

{{- define "blockyard.databaseCA.mount" -}}
{{- if .Values.databaseCA.configMap }}
- name: database-ca
  mountPath: /etc/blockyard/ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "blockyard.databaseCA.volume" -}}
{{- if .Values.databaseCA.configMap }}
- name: database-ca
  configMap:
    name: {{ .Values.databaseCA.configMap }}
{{- end }}
{{- end }}
