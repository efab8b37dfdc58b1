package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/client"
	"muster/wire"
)

// maxLines is how many engines have a line each.
const maxLines = 24

// engineTable writes a line for each engine or, where these are too many to be
// read, one for those of a host that are in the same state. Ranks and the ends of
// jobs have a column where there are any.
func engineTable(w io.Writer, engines []engineStatus) {
	rows := [][]string{{"ENGINE", "RANK", "HOST", "PID", "STATE", "QUEUE", "TASKS", "DONE", "JOB ENDS"}}
	if len(engines) > maxLines {
		rows = [][]string{{"ENGINES", "COUNT", "HOST", "STATE", "QUEUE", "TASKS", "DONE", "JOB ENDS"}}
		for _, a := range alike(engines) {
			rows = append(rows, []string{wire.FormatIDs(a.ids), strconv.Itoa(len(a.ids)), dash(a.Host), a.State,
				strconv.Itoa(a.Queue), strconv.Itoa(a.Tasks), strconv.Itoa(a.Completed), a.end})
		}
	} else {
		for _, e := range engines {
			rank, pid := "-", "-"
			if e.Rank != nil {
				rank = strconv.Itoa(*e.Rank)
			}
			if e.PID != 0 {
				pid = strconv.Itoa(e.PID)
			}
			rows = append(rows, []string{strconv.Itoa(int(e.ID)), rank, dash(e.Host), pid, e.State,
				strconv.Itoa(e.Queue), strconv.Itoa(e.Tasks), strconv.Itoa(e.Completed), untilEnd(e.JobEnd.Time)})
		}
	}
	for _, optional := range []string{"RANK", "JOB ENDS"} {
		column := slices.Index(rows[0], optional)
		if column < 0 || slices.ContainsFunc(rows[1:], func(row []string) bool { return row[column] != "-" }) {
			continue
		}
		for i, row := range rows {
			rows[i] = slices.Delete(row, column, column+1)
		}
	}
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
}

// An alikeness is engines of one host that are in the same state, with the sums of
// what they have to do and have done.
type alikeness struct {
	ids         []client.EngineID
	Host, State string
	end         string // of their jobs, as a table has it
	client.EngineQueue
}

// alike puts engines together, in the order of the first of each.
func alike(engines []engineStatus) (all []*alikeness) {
	for _, e := range engines {
		end := untilEnd(e.JobEnd.Time)
		i := slices.IndexFunc(all, func(a *alikeness) bool { return a.Host == e.Host && a.State == e.State && a.end == end })
		if i < 0 {
			i = len(all)
			all = append(all, &alikeness{Host: e.Host, State: e.State, end: end})
		}
		a := all[i]
		a.ids = append(a.ids, e.ID)
		a.Queue += e.Queue
		a.Tasks += e.Tasks
		a.Completed += e.Completed
	}
	return all
}

// untilEnd says when a job ends: "in 1h12m".
func untilEnd(end time.Time) string {
	left := time.Until(end)
	switch {
	case end.IsZero():
		return "-"
	case left <= 0:
		return "now"
	case left < time.Minute:
		return fmt.Sprintf("in %.0fs", left.Seconds())
	}
	return "in " + strings.TrimSuffix(left.Truncate(time.Minute).String(), "0s")
}
