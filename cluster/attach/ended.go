package attach

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/client"
	"muster/wire"
)

// Ended are calls of all clients that ended in some time.
type Ended struct {
	OK, Failed int
	// Failures are the first that failed, up to MaxFailures.
	Failures []Failure
	// Until is when the last of them ended, by the controller's clock.
	Until time.Time
}

// MaxFailures is how many of the calls that failed are told of one by one.
const MaxFailures = 5

// A Failure is a call that failed.
type Failure struct {
	MsgID wire.MsgID
	Label string // as the client called it, if it did
	Error string // in one line
}

func (f Failure) String() string {
	return fmt.Sprintf("%s: %s", cmp.Or(f.Label, string(f.MsgID)), f.Error)
}

// EndedSince asks the hub's records for the calls that ended after a moment of the controller's
// clock; zero is all that it remembers.
func EndedSince(ctx context.Context, c *client.Client, since time.Time) (*Ended, error) {
	query := map[string]any{"received": map[string]any{"$ne": nil}}
	if !since.IsZero() {
		query = map[string]any{"received": map[string]any{"$gt": since}}
	}
	records, err := c.DBQuery(ctx, query, "received", "result_metadata", "label")
	if err != nil {
		return nil, fmt.Errorf("attach: what has ended: %w", err)
	}
	e := &Ended{Until: since}
	var failed []client.Record
	for _, r := range records {
		if r.Received.After(e.Until) {
			e.Until = r.Received.Time
		}
		var m struct {
			Status string `json:"status"`
		}
		json.Unmarshal(r.ResultMetadata, &m) // one that cannot be read says nothing
		if m.Status == wire.StatusOK {
			e.OK++
		} else {
			e.Failed++
			failed = append(failed, r)
		}
	}
	slices.SortStableFunc(failed, func(a, b client.Record) int { return a.Received.Compare(b.Received.Time) })
	e.Failures, err = why(ctx, c, failed[:min(len(failed), MaxFailures)])
	return e, err
}

// why finds out how calls have failed.
func why(ctx context.Context, c *client.Client, failed []client.Record) ([]Failure, error) {
	if len(failed) == 0 {
		return nil, nil
	}
	ids := make([]wire.MsgID, len(failed))
	for i, r := range failed {
		ids[i] = r.MsgID
	}
	records, err := c.DBQuery(ctx, map[string]any{"msg_id": map[string]any{"$in": ids}}, "result_content")
	if err != nil {
		return nil, fmt.Errorf("attach: how calls have failed: %w", err)
	}
	said := make(map[wire.MsgID]string, len(records))
	for _, r := range records {
		said[r.MsgID] = errorLine(r.ResultContent)
	}
	out := make([]Failure, len(failed))
	for i, r := range failed {
		out[i] = Failure{r.MsgID, r.Label, cmp.Or(said[r.MsgID], "its record was dropped")}
	}
	return out, nil
}

// errorLine is the error in a reply, in a line.
func errorLine(content json.RawMessage) string {
	var r wire.Reply
	if err := json.Unmarshal(content, &r); err != nil {
		return "an answer that cannot be read"
	}
	if r.Status == wire.StatusAborted {
		return "aborted"
	}
	line, _, more := strings.Cut(strings.TrimSpace(r.Evalue), "\n")
	if more {
		line += " ..."
	}
	return strings.TrimSuffix(r.Ename+": "+line, ": ")
}
