package client

import (
	"context"
	"slices"
	"testing"
	"time"

	"muster/wire"
)

// pythonRecords asks the hub for the records of two Python engines. Python's
// controller knows no labels, takes several conditions for the last one, and
// does not forget what an engine has done.
func pythonRecords(t *testing.T, ctx context.Context, c *Client) {
	begin := time.Now().Add(-time.Minute)
	ar := c.LoadBalanced().With(Label("task")).ApplyAsync(Ref("str.upper"), "once")
	_, err := ar.Get(ctx)
	check(t, err)
	id := ar.Metadata()[0].MsgID
	query := map[string]any{"msg_id": map[string]any{"$in": []wire.MsgID{id}}}
	if c.recorded {
		query["submitted"], query["label"] = map[string]any{"$gte": begin}, "task"
	}
	records, err := c.DBQuery(ctx, query, "queue", "completed", "result_buffers", "metadata", "header")
	for err == nil && !c.recorded && len(records) == 1 && records[0].Completed.IsZero() { // Python's hub hears of a reply after the client
		time.Sleep(time.Millisecond)
		records, err = c.DBQuery(ctx, query, "queue", "completed", "result_buffers", "metadata", "header")
	}
	check(t, err)
	if len(records) != 1 || records[0].MsgID != id || records[0].Completed.Time.Before(begin) || len(records[0].ResultBuffers) != 1 ||
		records[0].Header.MsgType != wire.ApplyRequest {
		t.Errorf("%+v", records)
	}
	again, err := c.Resubmit(ctx, id)
	check(t, err)
	rs, err := c.GetResult(ctx, again...)
	check(t, err)
	equal(t, rs[0].Value, "ONCE")
	history, err := c.HubHistory(ctx)
	check(t, err)
	if !slices.Contains(history, id) || !slices.Contains(history, again[0]) {
		t.Errorf("%q lacks %s or %s", history, id, again[0])
	}
	check(t, c.Purge(ctx, id))
	gone := []wire.MsgID{id}
	if c.recorded {
		check(t, c.PurgeEngines(ctx, All))
		gone = append(gone, again[0])
	}
	history, err = c.HubHistory(ctx)
	check(t, err)
	for _, id := range gone {
		if slices.Contains(history, id) {
			t.Errorf("%q still has %s", history, id)
		}
	}
}
