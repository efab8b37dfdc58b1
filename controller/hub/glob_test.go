package hub

import "testing"

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"a*b*c", "aXbXbXc", true}, {"a*b*c", "aXbXbX", false},
		{"?", "é", true}, {"?", "", false}, {"[a-c]", "b", true}, {"[^a-c]", "b", false}, {"[!a-c]", "x", true},
		{"[]a]", "]", true}, {"[!]a]", "]", false}, {"[a-]", "-", true}, {"[a", "[a", true}, {"[!", "[!", true}, {"a\\*", "a\\b", true},
	} {
		holds, err := glob(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if holds(c.text) != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.text, !c.want)
		}
	}
}
