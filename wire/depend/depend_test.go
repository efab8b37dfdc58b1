package depend

import (
	"fmt"
	"strings"
	"testing"
)

// engine is what the expressions of these tests are about.
var engine = map[string]any{
	"RAM": 2_100_000_000, "cores": 8, "host": "node17", "rank": 2, "size": uint8(4), "gpu": true, "empty": nil,
	"load": float32(0.5), "libraries": []string{"mkl", "fftw"}, "no": false,
	"gpus":   []any{map[string]any{"mem": 8e9, "name": "a"}, map[string]any{"mem": 16e9, "name": "b"}},
	"limits": map[string]int{"jobs": 3}, "text": strings.Repeat("x", 100), "lookup": 5,
	"f": func() bool { return true }, "p": &struct{ X int }{1}, "many": make([]float64, maxItems+1),
}

func init() {
	self := map[string]any{}
	self["self"] = self
	engine["self"] = self
}

func value(name string) (any, bool) { v, ok := engine[name]; return v, ok }

func TestMet(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"RAM > 2e9", ""},
		{"RAM > 4e9", "`RAM > 4e9` is false (RAM = 2.1e+09)"},
		{"RAM > 4e9 && gpu", "`RAM > 4e9 && gpu` is false (RAM = 2.1e+09)"},
		{"gpu and RAM > 2e9 and cores >= 8", ""},
		{"not no || nothing", ""},
		{"no || nothing", "`no || nothing`: there is no property nothing"},
		{"!nothing", "`!nothing`: there is no property nothing"},
		{"(limits.more ?? 3) == limits.jobs", ""},
		{`host startsWith "node" && host matches "^node[0-9]+$"`, ""},
		{`host == "node1"`, "`host == \"node1\"` is false (host = \"node17\")"},
		{"rank % 2 == 0 && rank < size", ""},
		{`"mkl" in libraries and len(libraries) == 2`, ""},
		{`any(gpus, .mem > 1e10) and count(gpus, .name in ["a", "b"]) == 2`, ""},
		{"all(gpus, .mem > 1e10)", "`all(gpus, .mem > 1e10)` is false (gpus = a list of 2)"},
		{"load < 1 ? gpu : no", ""},
		{"lookup == 5", ""},
		{"max(cores, size) == 8 and abs(-1) == 1 and lower(\"A\") == \"a\"", ""},
		{"cores", "`cores`: invalid operation: bool(int)"},
		{"empty", "`empty` is false (empty = nil)"},
		{"text == host", "`text == host` is false (text = \"" + strings.Repeat("x", 40) + "\"..., host = \"node17\")"},
		{"cores > host", "`cores > host`: invalid operation: int > string"},
		{"f", "`f`: the property f is a func() bool, not plain data"},
		{"p.X == 1", "`p.X == 1`: the property p is a *struct { X int }, not plain data"},
		{"self == self", "`self == self`: the property self is a value of too many levels"},
		{"len(many) > 3", "`len(many) > 3`: the property many is a []float64 of 10001 items"},
	} {
		e, err := Compile(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if met, why := e.Met(value); met != (c.want == "") || why != c.want {
			t.Errorf("%s: %t, %s\nwant %s", c.text, met, why, c.want)
		}
	}
}

// What is no condition is refused, and the error shows where it is wrong.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "depend: the expression is empty"},
		{"RAM >", "unexpected token EOF (1:5)\n | RAM >\n | ....^"},
		{"RAM > 4e9 &&& gpu", "(1:13)"},
		{"1 + 2", "expected bool, but got int"},
		{"run(1)", "(1:1)\n | run(1)"},
		{"host.run()", "there are no functions but abs"},
		{"filter(gpus, .mem > 1) == 1", "filter"},
		{"repeat(host, 1000000) == host", "repeat"},
		{"let a = host; a == host", "there are no variables"},
		{"gpu; gpu", "without ;"},
		{"rank in 1..1000000000", "there are no ranges: write 1 <= x && x <= 9 (1:"},
		{"any(gpus, any(gpus, true))", "a predicate is within another"},
		{strings.Repeat("gpu && ", 600) + "gpu", "bytes: at most"},
		{strings.Repeat("1+", 1500) + "1 == 2", "exceeds maximum"},
	} {
		if _, err := Compile(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v\nwant %s", c.text, err, c.want)
		}
	}
}

func ExampleExpr_Met() {
	e, err := Compile("RAM > 4e9 && gpu")
	if err != nil {
		fmt.Println(err)
		return
	}
	properties := map[string]any{"RAM": 16e9}
	met, why := e.Met(func(name string) (any, bool) { v, ok := properties[name]; return v, ok })
	fmt.Println(met, why)
	_, err = Compile("RAM > 4e9 && (gpu")
	fmt.Println(err)
	// Output:
	// false `RAM > 4e9 && gpu`: there is no property gpu
	// depend: unexpected token EOF (1:17)
	//  | RAM > 4e9 && (gpu
	//  | ................^
}

// An expression is text from the network: whatever it is, it is refused or
// evaluated, and soon.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{
		"RAM > 4e9 && gpu", `host matches "(a+)+$"`, "any(gpus, .mem > 1)", "limits?.jobs ?? 1 == 1", "((((((", "-----1 > 0",
		`{"a": [1, 2]}.a[0] == 1`, "gpus[1:][0].mem | max(3) > 1", "1 ** 999999 > 0", "9223372036854775807 + 1 > 0", "cores % 0 == 1", "'\\u' == \"",
		"self.self.self == self", "text + text == text", "all(many, # > 0)", "if gpu { true } else { no }", "libraries[99] == nil",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text)
		if err != nil {
			return
		}
		met, why := e.Met(value)
		if again, same := e.Met(value); met != (why == "") || again != met || same != why {
			t.Errorf("%q: %t, %q, and then %t, %q", text, met, why, again, same)
		}
	})
}
