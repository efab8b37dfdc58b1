package site

import "slices"

// Check holds a script against the rules of the site: that the options it must
// have are there, and none that it must not. It speaks of what is submitted, also
// where a template or a directive is the user's own. An error is a [*Refusal].
func (s Site) Check(script string) error {
	sch := s.scheduler()
	given := sch.given(script)
	has := func(key string) bool { return slices.ContainsFunc(given, func(o option) bool { return o.key == key }) }
	for _, o := range given {
		if err := s.forbid(o); err != nil {
			return err
		}
	}
	for _, r := range s.Required {
		if !has(sch.options(r.Directive)[0].key) {
			return s.refuse("required "+r.Directive, r.Remedy, "a job without the option %s: %s", r.Directive, r.Why)
		}
	}
	if s.Account.Required && !has(sch.account) {
		return s.refuse("account.required", "give the account that is charged", "a job without the option %s", sch.account)
	}
	for _, f := range s.Fixed {
		for _, o := range sch.options(f) {
			if !slices.Contains(given, o) {
				return s.refuse("fixed "+o.key, "leave it as the site has it", "a job without %s, which the site sets", f)
			}
		}
	}
	return nil
}

// forbid refuses an option that a submission must not have.
func (s Site) forbid(o option) error {
	for _, r := range s.Forbidden {
		if o.key == s.scheduler().options(r.Directive)[0].key {
			return s.refuse("forbidden "+r.Directive, r.Remedy, "the option %s: %s", o.key, r.Why)
		}
	}
	return nil
}
