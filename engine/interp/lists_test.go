package interp

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestListsAsCompiled plays each line of testdata/lists/forms.txt as a cell, as a
// closure over variables of an earlier cell, and in a function, and compares what it
// prints with what the Go compiler makes of it.
func TestListsAsCompiled(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join("testdata", "lists", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	declarations, variables := read("declarations.txt"), read("variables.txt")
	forms := strings.Split(strings.TrimSpace(read("forms.txt")), "\n")
	want := compiledForms(t, declarations, variables, forms)
	for place, cells := range map[string]func(form string) []string{
		"cell":    func(form string) []string { return []string{variables, form} },
		"closure": func(form string) []string { return []string{variables, "func() {\n" + form + "\n}()"} },
		"function": func(form string) []string {
			return []string{formFunc("form", variables, form), "form()"}
		},
	} {
		t.Run(place, func(t *testing.T) {
			var printed strings.Builder
			in := newInterp(t, Config{Stdout: &printed, Stderr: &printed})
			run := func(src string) {
				if _, err := in.Exec(context.Background(), Cell{Name: "cell", Source: src}); err != nil {
					printed.WriteString(strings.Join(err.(*Error).Traceback, "\n"))
				}
			}
			run(declarations)
			for i, form := range forms {
				printed.Reset()
				for _, src := range cells(form) {
					run(src)
				}
				if got := printed.String(); got != want[i] {
					t.Errorf("%s\nprints\n%sbut compiled\n%s", form, got, want[i])
				}
			}
		})
	}
}

// formFunc is a function that runs a form on variables of its own.
func formFunc(name, variables, form string) string {
	var use strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(variables), "\n") {
		v, _, _ := strings.Cut(strings.TrimPrefix(line, "var "), " ")
		fmt.Fprintf(&use, "_ = %s\n", v)
	}
	return fmt.Sprintf("func %s() {\n%s%s%s\n}\n", name, variables, use.String(), form)
}

// compiledForms returns what each form prints in a compiled program.
func compiledForms(t *testing.T, declarations, variables string, forms []string) []string {
	const between = "----\n"
	var src, main strings.Builder
	src.WriteString("package main\n\nimport (\n\"fmt\"\n\"math\"\n\"strings\"\n\"time\"\n)\n\n" + declarations)
	for i, form := range forms {
		src.WriteString(formFunc(fmt.Sprintf("form%d", i), variables, form))
		fmt.Fprintf(&main, "form%d()\nfmt.Print(%q)\n", i, between)
	}
	src.WriteString("func main() {\n" + main.String() + "}\n")
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(src.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := osexec.Command("go", "run", file).CombinedOutput()
	if err != nil {
		t.Fatalf("compile the forms: %v\n%s", err, out)
	}
	return strings.Split(string(out), between)[:len(forms)]
}
