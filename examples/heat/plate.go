package main

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// hotRing is a cold plate with a ring of 100 degrees in its middle.
func hotRing(rows, cols int) *mat.Dense {
	plate := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			r := math.Hypot(float64(2*i-rows), float64(2*j-cols)/1.5) / float64(rows)
			if r > 0.5 && r < 0.75 {
				plate.Set(i, j, 100)
			}
		}
	}
	return plate
}

// draw prints a plate, one character for a tile of it, the hotter the darker.
func draw(plate *mat.Dense) {
	const height, width = 10, 4
	shades := []rune(" .:-=+*#%@")
	rows, cols := plate.Dims()
	for i := 0; i < rows; i += height {
		var line strings.Builder
		for j := 0; j < cols; j += width {
			mean := mat.Sum(plate.Slice(i, i+height, j, j+width)) / (height * width)
			line.WriteRune(shades[min(int(mean/8), len(shades)-1)])
		}
		fmt.Println(strings.TrimRight(line.String(), " "))
	}
}
