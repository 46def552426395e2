/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The kernel of one fake domain, as far as XenStore goes: what Linux does behind /dev/xen/xenbus.
 *
 *	program -- libxenstore -- socket xs.N --+
 *	                                        +-- bridge -- rings in page.N -- xenstored
 *	program -- libxenstore -- socket xs.N --+
 *
 * xenstored sees one connection, the domain's. So requests are numbered by the program they come
 * from, a watch's token is tagged with that number ("5:token"), and when a program goes its
 * watches and transactions are ended for it.
 *
 * A program has one request under way at a time; its next one stays in its socket meanwhile.
 *
 * usage: bridge DOMID, in the folder of the fake machine (fake_xen.h). Prints "ready" when the
 * domain can be introduced to xenstored. Programs must not come before it was. Ends by a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge_ring.h"
#include "fake_xen.h"

#define PROGRAMS_MAX 64
#define TAG_MAX 12

struct message {
	struct xsd_sockmsg head;
	char body[XENSTORE_PAYLOAD_MAX];
};

/* Bytes that wait until the other side takes them. */
struct queue {
	char *data;
	size_t len;
	size_t size;
};

/* A request that ends what a program has started. */
struct undo {
	struct undo *next;
	struct message request;
};

struct program {
	struct program *next;
	int fd; /* -1: gone, but its last request is not answered yet */
	uint32_t number;
	uint32_t req_id;	/* as the program chose it */
	bool waiting;		/* for the answer to request */
	struct message request; /* being read, or under way */
	size_t have;
	struct queue out;
	struct undo *undo;
};

static struct ring ring;
static struct program *programs;
static struct queue to_ring;
static struct message answer; /* being read from the ring */
static size_t answer_have;

static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void *
need_memory(void *memory)
{
	if (memory == NULL)
		die("bridge: memory");
	return memory;
}

static void
queue_add(struct queue *queue, const void *data, size_t len)
{
	if (queue->size < queue->len + len) {
		queue->size = 2 * (queue->len + len);
		queue->data = need_memory(realloc(queue->data, queue->size));
	}
	memcpy(queue->data + queue->len, data, len);
	queue->len += len;
}

static void
queue_take(struct queue *queue, size_t len)
{
	queue->len -= len;
	memmove(queue->data, queue->data + len, queue->len);
}

static size_t
message_len(const struct message *message)
{
	return sizeof(message->head) + message->head.len;
}

/* The token in a body "path\0token\0", or its end if the sender made something else of it. */
static char *
find_token(struct message *message)
{
	size_t path = strnlen(message->body, message->head.len);

	return message->body + (path < message->head.len ? path + 1 : path);
}

/* Puts something else in place of the first OLD bytes of the token; false if that is too long. */
static bool
change_token(struct message *message, size_t old, const char *tag)
{
	char *token = find_token(message);
	size_t tag_len = strlen(tag);
	size_t rest = message->body + message->head.len - token - old;

	if (message->head.len - old + tag_len > sizeof(message->body))
		return false;
	memmove(token + tag_len, token + old, rest);
	memcpy(token, tag, tag_len);
	message->head.len += tag_len - old;
	return true;
}

static bool
tag_token(struct message *request, uint32_t number)
{
	char tag[TAG_MAX];

	snprintf(tag, sizeof(tag), "%u:", number);
	return change_token(request, 0, tag);
}

/* Removes the tag and returns it; 0 belongs to nobody. */
static uint32_t
untag_token(struct message *event)
{
	char *token = find_token(event);
	char *colon = memchr(token, ':', event->body + event->head.len - token);
	uint32_t number;

	if (colon == NULL)
		return 0;
	number = strtoul(token, NULL, 10);
	change_token(event, colon + 1 - token, "");
	return number;
}

static struct program *
find_program(uint32_t number)
{
	struct program *program = programs;

	while (program != NULL && program->number != number)
		program = program->next;
	return program;
}

static void
undo_add(struct program *program, uint32_t type, uint32_t tx_id, const char *body, size_t len)
{
	struct undo *undo = need_memory(calloc(1, sizeof(*undo)));

	undo->request.head.type = type;
	undo->request.head.tx_id = tx_id;
	undo->request.head.len = len;
	memcpy(undo->request.body, body, len);
	undo->next = program->undo;
	program->undo = undo;
}

static bool
undo_is(const struct undo *undo, const struct message *request)
{
	const struct message *other = &undo->request;

	if (other->head.type != request->head.type || other->head.tx_id != request->head.tx_id)
		return false;
	return request->head.type == XS_TRANSACTION_END ||
	       (other->head.len == request->head.len &&
		memcmp(other->body, request->body, other->head.len) == 0);
}

/* The program has done it itself. */
static void
undo_forget(struct program *program, const struct message *request)
{
	struct undo **at = &program->undo;
	struct undo *found;

	while (*at != NULL && !undo_is(*at, request))
		at = &(*at)->next;
	found = *at;
	if (found != NULL) {
		*at = found->next;
		free(found);
	}
}

/* What an answered request has started or ended. */
static void
keep_books(struct program *program)
{
	const struct message *request = &program->request;

	if (answer.head.type == XS_ERROR && request->head.type != XS_TRANSACTION_END)
		return;
	switch (request->head.type) {
	case XS_WATCH:
		undo_add(program, XS_UNWATCH, 0, request->body, request->head.len);
		break;
	case XS_TRANSACTION_START:
		undo_add(program, XS_TRANSACTION_END, strtoul(answer.body, NULL, 10), "F", 2);
		break;
	case XS_UNWATCH:
	case XS_TRANSACTION_END:
		undo_forget(program, request);
		break;
	}
}

/* Ends what the program left, and forgets it. Answers to number 0 are for nobody. */
static void
bury(struct program *program)
{
	struct program **at = &programs;
	struct undo *undo;

	while ((undo = program->undo) != NULL) {
		queue_add(&to_ring, &undo->request, message_len(&undo->request));
		program->undo = undo->next;
		free(undo);
	}
	while (*at != program)
		at = &(*at)->next;
	*at = program->next;
	free(program->out.data);
	free(program);
}

static void
leave(struct program *program)
{
	close(program->fd);
	program->fd = -1;
	if (!program->waiting)
		bury(program);
}

static void
deliver_event(void)
{
	struct program *program = find_program(untag_token(&answer));

	if (program != NULL && program->fd >= 0)
		queue_add(&program->out, &answer, message_len(&answer));
}

static void
deliver_answer(void)
{
	struct program *program = find_program(answer.head.req_id);

	if (program == NULL)
		return;
	keep_books(program);
	program->waiting = false;
	program->have = 0;
	answer.head.req_id = program->req_id;
	queue_add(&program->out, &answer, message_len(&answer));
	if (program->fd < 0)
		bury(program);
}

/* How many bytes a message still lacks: of its head, then of its body. */
static size_t
missing(const struct message *message, size_t have)
{
	if (have < sizeof(message->head))
		return sizeof(message->head) - have;
	return message_len(message) - have;
}

static void
read_ring(void)
{
	size_t n;

	while ((n = ring_get(&ring, (char *)&answer + answer_have, missing(&answer, answer_have))) >
	       0) {
		answer_have += n;
		if (missing(&answer, answer_have) > 0)
			continue;
		answer_have = 0;
		if (answer.head.type == XS_WATCH_EVENT)
			deliver_event();
		else
			deliver_answer();
	}
}

static void
write_ring(void)
{
	size_t n;

	while (to_ring.len > 0 && (n = ring_put(&ring, to_ring.data, to_ring.len)) > 0)
		queue_take(&to_ring, n);
}

static bool
forward(struct program *program)
{
	struct message *request = &program->request;
	uint32_t type = request->head.type;

	if ((type == XS_WATCH || type == XS_UNWATCH) && !tag_token(request, program->number))
		return false;
	program->req_id = request->head.req_id;
	request->head.req_id = program->number;
	program->waiting = true;
	queue_add(&to_ring, request, message_len(request));
	return true;
}

/* Returns false when the program has gone or sends what no kernel would take. */
static bool
read_program(struct program *program)
{
	struct message *request = &program->request;
	ssize_t n = recv(program->fd, (char *)request + program->have,
			 missing(request, program->have), MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	program->have += n;
	if (program->have < sizeof(request->head))
		return true;
	if (request->head.len > sizeof(request->body))
		return false;
	return missing(request, program->have) > 0 || forward(program);
}

static bool
write_program(struct program *program)
{
	ssize_t n =
		send(program->fd, program->out.data, program->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN;
	queue_take(&program->out, n);
	return true;
}

static void
accept_program(int listener)
{
	static uint32_t last;
	struct program *program;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	program = need_memory(calloc(1, sizeof(*program)));
	program->fd = fd;
	program->number = ++last;
	program->next = programs;
	programs = program;
}

/* What to wait for. All but the first two entries follow the list of programs. */
static nfds_t
fill_polls(struct pollfd *polls, int listener)
{
	nfds_t n = 2;

	for (struct program *p = programs; p != NULL && n < 2 + PROGRAMS_MAX; p = p->next) {
		short in = p->waiting ? 0 : POLLIN;
		short out = p->out.len > 0 ? POLLOUT : 0;

		polls[n++] = (struct pollfd){.fd = p->fd, .events = in | out};
	}
	polls[0] = (struct pollfd){.fd = ring.events, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = n < 2 + PROGRAMS_MAX ? listener : -1, .events = POLLIN};
	return n;
}

static void
serve_programs(const struct pollfd *polls, nfds_t n)
{
	struct program *next = programs;

	for (nfds_t i = 2; i < n; i++) {
		struct program *program = next;
		short revents = polls[i].revents;
		bool stays = true;

		next = program->next;
		if ((revents & POLLOUT) != 0)
			stays = write_program(program);
		if (stays && (revents & POLLIN) != 0)
			stays = read_program(program);
		else if ((revents & (POLLHUP | POLLERR)) != 0)
			stays = false;
		if (!stays)
			leave(program);
	}
}

static void
serve(int listener)
{
	struct pollfd polls[2 + PROGRAMS_MAX];

	for (;;) {
		nfds_t n = fill_polls(polls, listener);

		if (poll(polls, n, -1) < 0 && errno != EINTR)
			die("bridge: poll");
		serve_programs(polls, n);
		if ((polls[0].revents & POLLIN) != 0) {
			ring_clear_events(&ring);
			read_ring();
		}
		if ((polls[1].revents & POLLIN) != 0)
			accept_program(listener);
		write_ring();
	}
}

int
main(int argc, char **argv)
{
	unsigned int domid = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	char name[FAKE_NAME_MAX];
	int listener;

	if (domid == 0) {
		fprintf(stderr, "usage: bridge DOMID, which is 1 or more\n");
		return EXIT_FAILURE;
	}
	if (ring_open(&ring, domid) != 0)
		die("bridge: page and event channel");
	listener = fake_bind(fake_name(name, "xs", domid), SOCK_STREAM);
	if (listener < 0 || listen(listener, PROGRAMS_MAX) != 0)
		die("bridge: socket");
	puts("ready");
	fflush(stdout);
	serve(listener);
}
