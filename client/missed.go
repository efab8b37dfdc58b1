package client

import (
	"context"
	"strings"
	"time"

	"muster/wire"
)

// What engines publish while the connection is lost goes to nobody. The hub records
// what is printed (protocol section 17), and is asked for it.

const (
	missedTimeout = time.Minute
	// maxRecorded is how much of a stream the hub records.
	maxRecorded = 1 << 20
)

// missedKeys are those of which output is made.
var missedKeys = []string{"msg_id", "stdout", "stderr", "execute_result"}

// catchUp asks the hub for the output of tasks that were answered, and settles them. The
// caller holds mu.
func (c *Client) catchUp(tasks ...*task) {
	if len(tasks) == 0 {
		return
	}
	for _, t := range tasks {
		t.asked = true
	}
	c.receivers.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), missedTimeout)
		defer cancel()
		ids := make([]wire.MsgID, len(tasks))
		for i, t := range tasks {
			ids[i] = t.id
		}
		records, err := c.records(ctx, map[string]any{"msg_id": map[string]any{"$in": ids}}, missedKeys)
		if err != nil {
			c.log.Warn("output missed", "tasks", len(tasks), "err", err)
		}
		found := make(map[wire.MsgID]*Record, len(records))
		for i := range records {
			found[records[i].MsgID] = &records[i]
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, t := range tasks {
			if t.ended {
				continue
			}
			if rec := found[t.id]; rec == nil || !t.out().fill(rec) {
				t.out().lost = true
			}
			c.settle(t, nil)
		}
	})
}

// fill puts in what was missed, and tells whether that was all.
func (o *output) fill(rec *Record) bool {
	filled := false
	if o.stdout.fill(rec.Stdout) {
		o.note(Stdout)
		filled = true
	}
	if o.stderr.fill(rec.Stderr) {
		o.note(Stderr)
		filled = true
	}
	if o.bundle == nil && rec.ExecuteResult != nil {
		o.value(rec.ExecuteResult.Data, o.count)
		filled = true
	}
	return filled && max(len(rec.Stdout), len(rec.Stderr)) < maxRecorded
}

// fill makes the text the whole of which it is a part, if there is more to it.
func (t *text) fill(whole string) bool {
	if len(whole) <= t.len() {
		return false
	}
	rest, begun := strings.CutPrefix(whole, t.String())
	if !begun { // something is missing before the end
		*t = text{}
	}
	t.write(rest)
	return true
}
