package main

import (
	"fmt"
	"strconv"
	"strings"

	"muster/launcher"
)

// bounds are how many sets of engines there may be, as in "1:8".
type bounds launcher.ElasticConfig

// Set takes MIN:MAX.
func (b *bounds) Set(s string) error {
	low, high, both := strings.Cut(s, ":")
	least, err := strconv.Atoi(low)
	most, errMost := strconv.Atoi(high)
	if !both || err != nil || errMost != nil || least < 0 || most < 1 || least > most {
		return fmt.Errorf("want the least and the most sets of engines, as in 1:8, or 0:8 for none while nobody has work")
	}
	b.Min, b.Max = least, most
	return nil
}

func (b *bounds) String() string {
	if b.Max == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d", b.Min, b.Max)
}

func (b *bounds) Type() string { return "MIN:MAX" }
