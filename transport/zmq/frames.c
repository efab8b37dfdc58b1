#include "frames.h"

#include <errno.h>
#include <stdlib.h>

void musterGiven(uintptr_t owner); // given.go

static int grow(muster_box *box)
{
	int room = box->room ? 2 * box->room : 16;
	// A zmq_msg_t may be moved by its bytes only through zmq_msg_move.
	zmq_msg_t *parts = malloc(room * sizeof *parts);
	size_t *sizes = realloc(box->sizes, room * sizeof *sizes);
	if (sizes)
		box->sizes = sizes;
	void **data = realloc(box->data, room * sizeof *data);
	if (data)
		box->data = data;
	if (!parts || !sizes || !data) {
		free(parts);
		errno = ENOMEM;
		return -1;
	}
	for (int i = 0; i < box->n; i++) {
		zmq_msg_init(&parts[i]);
		zmq_msg_move(&parts[i], &box->parts[i]);
		box->data[i] = zmq_msg_data(&parts[i]); // small frames lie inside the zmq_msg_t
	}
	free(box->parts);
	box->parts = parts;
	box->room = room;
	return 0;
}

int muster_receive(void *socket, muster_box *box, int want_fd)
{
	muster_clear(box);
	box->fd = -1;
	for (;;) {
		if (box->n == box->room && grow(box) < 0)
			return -1;
		zmq_msg_t *m = &box->parts[box->n];
		zmq_msg_init(m);
		int size;
		do
			size = zmq_msg_recv(m, socket, ZMQ_DONTWAIT);
		while (size < 0 && errno == EINTR);
		if (size < 0)
			return -1;
		if (want_fd && box->n == 0) {
			const char *fd = zmq_msg_gets(m, "__fd");
			if (fd)
				box->fd = atoi(fd);
		}
		box->sizes[box->n] = zmq_msg_size(m);
		box->data[box->n] = zmq_msg_data(m);
		box->n++;
		if (!zmq_msg_more(m))
			return box->n;
	}
}

void muster_clear(muster_box *box)
{
	while (box->n > 0)
		zmq_msg_close(&box->parts[--box->n]);
}

void muster_free(muster_box *box)
{
	muster_clear(box);
	free(box->parts);
	free(box->sizes);
	free(box->data);
}

int muster_send(void *socket, char *packed, size_t *sizes, int n, int more)
{
	for (int i = 0; i < n; i++) {
		int flags = ZMQ_DONTWAIT | (more || i < n - 1 ? ZMQ_SNDMORE : 0);
		int rc;
		do
			rc = zmq_send(socket, packed, sizes[i], flags);
		while (rc < 0 && errno == EINTR);
		if (rc < 0)
			return -1;
		packed += sizes[i];
	}
	return 0;
}

static void given(void *data, void *owner)
{
	(void)data;
	musterGiven((uintptr_t)owner);
}

int muster_give(void *socket, char *data, size_t size, uintptr_t owner, int more)
{
	zmq_msg_t m;
	if (zmq_msg_init_data(&m, data, size, given, (void *)owner) < 0) {
		musterGiven(owner);
		return -1;
	}
	int rc;
	do
		rc = zmq_msg_send(&m, socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
	while (rc < 0 && errno == EINTR);
	if (rc < 0) {
		int err = errno;
		zmq_msg_close(&m);
		errno = err;
		return -1;
	}
	return 0;
}
