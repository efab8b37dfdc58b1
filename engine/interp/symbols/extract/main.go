// Command extract writes the symbol tables of package symbols: one file per
// compiled package that cells may import beyond the standard library. Run it by
// go generate ./engine/interp whenever one of these packages changes.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/traefik/yaegi/extract"

	"muster/engine/interp/symbols"
)

// buildTags ties a table to one version of Go, which only the standard
// library's need.
var buildTags = regexp.MustCompile(`(?m)^//( \+|go:)build .*\n`)

// deprecated tells staticcheck that cells may use what is deprecated.
const deprecated = "\n//lint:file-ignore SA1019 a table lists what is deprecated too\n"

// table is the statement by which yaegi fills its tables when a process starts;
// lazy is the function that builds one when asked.
var table = regexp.MustCompile(`(?s)\n\tSymbols\[("[^"]+")\] = (map\[string\]reflect\.Value\{.*?\n\t\})\n\}\n`)

const lazy = "\n\tTables[$1] = func() map[string]reflect.Value {\n\t\treturn $2\n\t}\n}\n"

func main() {
	log.SetFlags(0)
	log.SetPrefix("extract: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: extract DIRECTORY")
	}
	for _, path := range symbols.Packages {
		if err := write(os.Args[1], path); err != nil {
			log.Fatal(err)
		}
	}
}

func write(dir, path string) error {
	e := extract.Extractor{Dest: "symbols"}
	var buf bytes.Buffer
	if _, err := e.Extract(path, "", &buf); err != nil {
		return fmt.Errorf("read package %s: %w", path, err)
	}
	text := bytes.Replace(buildTags.ReplaceAll(buf.Bytes(), nil), []byte("\npackage "), []byte(deprecated+"\npackage "), 1)
	if len(table.FindAll(text, -1)) != 1 {
		return fmt.Errorf("package %s: yaegi's extract writes tables otherwise than this program expects", path)
	}
	src, err := format.Source(table.ReplaceAll(text, []byte(lazy)))
	if err != nil {
		return fmt.Errorf("package %s: %w", path, err)
	}
	return os.WriteFile(filepath.Join(dir, strings.ReplaceAll(path, "/", "_")+".go"), src, 0o644)
}
