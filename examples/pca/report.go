package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

//go:embed digits.csv.gz
var digits []byte

// side is the width and height of an image.
const side = 8

// readDigits returns the images, one a row.
func readDigits() (*mat.Dense, error) {
	z, err := gzip.NewReader(bytes.NewReader(digits))
	if err != nil {
		return nil, fmt.Errorf("digits.csv.gz: %w", err)
	}
	lines, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("digits.csv.gz: %w", err)
	}
	images := mat.NewDense(len(lines), side*side, nil)
	for i, line := range lines {
		for j := range side * side { // the digit itself comes last
			v, err := strconv.ParseFloat(line[j], 64)
			if err != nil {
				return nil, fmt.Errorf("digits.csv.gz:%d: %w", i+1, err)
			}
			images.Set(i, j, v)
		}
	}
	return images, nil
}

// report prints how much of the variance the first components explain. The
// eigenvalues are ascending.
func report(values []float64) {
	total := 0.0
	for _, v := range values {
		total += v
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "component\tvariance\texplained\tcumulative\t")
	sum := 0.0
	for i := range shown {
		v := values[len(values)-1-i]
		sum += v
		fmt.Fprintf(w, "%d\t%.3f\t%.2f %%\t%.2f %%\t\n", i+1, v, 100*v/total, 100*sum/total)
	}
	w.Flush()
	fmt.Println()
}

// check compares with gonum's own PCA of the whole matrix in this process.
func check(images *mat.Dense, values []float64, components *mat.Dense) error {
	var pc stat.PC
	if !pc.PrincipalComponents(images, nil) {
		return fmt.Errorf("serial run: no principal components")
	}
	var vectors mat.Dense
	pc.VectorsTo(&vectors)
	serial := pc.VarsTo(nil)
	worst := 0.0
	for i, want := range serial {
		worst = max(worst, math.Abs(values[len(values)-1-i]-want)/serial[0])
	}
	for i := range shown {
		// A component is one up to its sign.
		a, b := components.ColView(shown-1-i), vectors.ColView(i)
		sign := math.Copysign(1, mat.Dot(a, b))
		for k := range a.Len() {
			worst = max(worst, math.Abs(a.AtVec(k)-sign*b.AtVec(k)))
		}
	}
	const tolerance = 1e-9
	if !(worst <= tolerance) {
		return fmt.Errorf("differs from the serial run by %.2g, more than %g", worst, tolerance)
	}
	fmt.Printf("Differs from a serial run by at most %.1g.\n", worst)
	return nil
}

// draw writes the components, the first one left, as images side by side: red
// where a component adds ink, blue where it takes ink away.
func draw(path string, components *mat.Dense) error {
	const cell, gap = 16, 8
	img := image.NewRGBA(image.Rect(0, 0, shown*(side*cell+gap)+gap, side*cell+2*gap))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for c := range shown {
		v := mat.Col(nil, shown-1-c, components)
		top := 0.0
		for _, x := range v {
			top = max(top, math.Abs(x))
		}
		for p, x := range v {
			pale := uint8(255 * (1 - math.Abs(x)/top))
			ink := color.RGBA{255, pale, pale, 255}
			if x < 0 {
				ink = color.RGBA{pale, pale, 255, 255}
			}
			x0, y0 := gap+c*(side*cell+gap)+p%side*cell, gap+p/side*cell
			for y := range cell {
				for x := range cell {
					img.SetRGBA(x0+x, y0+y, ink)
				}
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Close()
}

// A clock notes how long each part of the work took.
type clock struct {
	last  time.Time
	laps  []time.Duration
	names []string
}

func newClock() *clock { return &clock{last: time.Now()} }

func (c *clock) lap(name string) {
	now := time.Now()
	c.laps, c.names = append(c.laps, now.Sub(c.last)), append(c.names, name)
	c.last = now
}

func (c *clock) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, d := range c.laps {
		fmt.Fprintf(w, "%.1f ms\t  %s\n", float64(d.Microseconds())/1e3, c.names[i])
	}
	w.Flush()
}
