package depend

import "testing"

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile("RAM > 4e9 && gpu"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMet(b *testing.B) {
	e, err := Compile("RAM > 1e9 && gpu")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if met, why := e.Met(value); !met {
			b.Fatal(why)
		}
	}
}
