#!/bin/bash
# A whole cluster as one Flux job: a controller on the first node, engines on all.
#
#   flux batch {{with .Account}}{{else}}--setattr=bank=BANK {{end}}ipcluster.flux            until the time is over, or flux cancel
#   flux batch {{with .Account}}{{else}}--setattr=bank=BANK {{end}}ipcluster.flux ./program  until the program ends, with its exit status
#
# MUSTER_BIN is the folder of the programs, where the PATH of jobs does not have it.
# Options of flux batch win over these lines. Clients outside the job connect by
# {{.ProfileDir}}/security/ipcontroller-JOBID-client.json
#flux: --job-name={{.Name}}
#flux: --nodes={{.Nodes}}
#flux: --exclusive
#flux: --time-limit={{seconds .Time}}s
#flux: --output=ipcluster-{{"{{id}}"}}.log
{{- with .Account}}
#flux: --setattr=bank={{.}}
{{- end}}
{{- with .Queue}}
#flux: --queue={{.}}
{{- end}}
{{- range .Directives}}
#flux: {{.}}
{{- end}}
{{- template "ipcluster.body" .}}
{{- define "job"}}job=$(flux job id --to=dec "$(flux getattr jobid)"){{end}}
{{- define "signals"}}TERM INT{{end}}
{{- define "end"}}$(($(timeout 10 flux job timeleft 2>/dev/null | grep -x '[0-9]*') + $(date +%s))){{end}}
