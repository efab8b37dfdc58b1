#!/bin/bash
# One set of engines as one Flux job, as ipcluster submits it.
#flux: --job-name={{.Name}}
#flux: --nodes={{.Nodes}}
#flux: --exclusive
#flux: --time-limit={{seconds .Time}}s
#flux: --cwd={{.Dir}}
#flux: --output={{.Log}}
{{- with .Account}}
#flux: --setattr=bank={{.}}
{{- end}}
{{- with .Queue}}
#flux: --queue={{.}}
{{- end}}
{{- with .After}}
#flux: --dependency=afterany:{{.}}
{{- end}}
{{- range .Directives}}
#flux: {{.}}
{{- end}}
{{template "engines.body" .}}
{{- define "environment"}}{{end}}
{{- define "told"}}# At flux cancel and at the time limit Flux sends SIGTERM.
trap 'told=TERM; {{template "term" .}}' TERM
trap 'pass USR2' USR2
{{- end}}
