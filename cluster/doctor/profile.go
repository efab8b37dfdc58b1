package doctor

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"muster/configs"
	"muster/launcher/site"
)

// profile: every key is known, and the site would take the job.
func profile(_ context.Context, x *examination) []Finding {
	name := strings.TrimPrefix(filepath.Base(x.Profile.Dir), "profile_")
	layers, err := configs.Layers(x.Profile)
	if x.invalid != nil || err != nil {
		f := failure("%v", errors.Join(x.invalid)).because("a cluster of this profile does not start")
		var refusal *site.Refusal
		if errors.As(x.invalid, &refusal) {
			f = failure("%s: %s (rule %s)", refusal.Site, refusal.Reason, refusal.Rule).because("the site would not take the job").remedy("%s", refusal.Remedy)
		}
		return []Finding{f}
	}
	if len(layers) == 0 && name != "default" {
		return []Finding{failure("there is no profile %s", name+configs.Suggest(name)).because("a cluster would start with what is by default").
			remedy("choose one of those that there are (ipcluster profile list), or make it: ipcluster profile create %s --extends SITE", name)}
	}
	p := &x.profile
	if !p.Site.Known() || x.Engines != "" {
		return []Finding{ok("%s: %d engines by launcher %s", name, x.engines(), x.launcher())}
	}
	request, err := p.Request(x.Job)
	if err != nil {
		return []Finding{failure("%v", err)}
	}
	request.N, request.Run = x.N, x.Profile.Dir
	plan, err := p.Site.Plan(request)
	if err != nil {
		return []Finding{failure("%v", err)}
	}
	return []Finding{ok("%s: %s takes %s", name, p.Site.Name, plan)}
}
