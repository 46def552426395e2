/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A peer of IVSHMEM memory for test scripts, here and in guests:
 *
 *   ivshmem_peer_tool SPEC [WORD...]     words in turn; without any, lines of words from stdin
 *
 *   info                size, own number, vectors
 *   map BASE            maps at BASE (hexadecimal, 0: anywhere)
 *   view                maps anywhere, read-only
 *   write OFF TEXT      stores a text
 *   read OFF            tells the text there
 *   ring NUMBER VECTOR
 *   wait VECTOR         waits until it is rung; how often it was
 *   there NUMBER        waits until it is there
 *   gone NUMBER         waits until it is not; 0 also means the device or the server
 *   stay                says so, and waits for ever
 *
 * Each answers with one line. The first one that fails ends the program with 1 and a reason.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pvn_ivshmem_peer.h"

#define WAIT_MS 20000

struct words {
	char **v;
	int count, at;
};

static struct pvn_ivshmem_peer *peer;
static char *map;

static int
fail(const char *what, const char *why)
{
	printf("%s: %s\n", what, why);
	return 1;
}

static const char *
next(struct words *w)
{
	return w->at < w->count ? w->v[w->at++] : "";
}

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, WAIT_MS) == 1;
}

static int
do_map(uint64_t base, bool writable)
{
	map = pvn_ivshmem_peer_map(peer, base, writable);
	if (map == NULL)
		return fail("map", pvn_ivshmem_why());
	puts("mapped");
	return 0;
}

static int
do_wait(uint32_t vector)
{
	int bell = pvn_ivshmem_peer_bell(peer, vector);
	uint64_t rung;

	if (bell < 0 || !readable(bell) || read(bell, &rung, sizeof(rung)) != sizeof(rung))
		return fail("wait", bell < 0 ? "there is no such vector" : "nobody rang");
	printf("rung %" PRIu64 "\n", rung);
	return 0;
}

static int
wait_there(uint32_t number, bool there)
{
	int ret = 0;

	while (pvn_ivshmem_peer_there(peer, number) != there && ret >= 0) {
		if (!readable(pvn_ivshmem_peer_event_fd(peer)))
			return fail("there", "it did not happen in time");
		ret = pvn_ivshmem_peer_look(peer);
	}
	if (ret < 0 && (there || number != 0))
		return fail("there", pvn_ivshmem_why());
	puts(there ? "there" : "gone");
	return 0;
}

static int
do_text(const char *verb, struct words *w)
{
	uint64_t off = strtoull(next(w), NULL, 0);
	const char *text = verb[0] == 'w' ? next(w) : "";

	if (map == NULL || off + strlen(text) + 1 > pvn_ivshmem_peer_size(peer))
		return fail(verb, "not mapped, or not so large");
	if (verb[0] == 'w')
		strcpy(map + off, text);
	printf("%.100s\n", map + off);
	return 0;
}

static int
do_info(void)
{
	printf("size %" PRIu64 " number %u vectors %u\n", pvn_ivshmem_peer_size(peer),
	       pvn_ivshmem_peer_number(peer), pvn_ivshmem_peer_vectors(peer));
	return 0;
}

static int
do_ring(struct words *w)
{
	uint32_t number = atoi(next(w)), vector = atoi(next(w));
	int ret = pvn_ivshmem_peer_ring(peer, number, vector);

	if (ret < 0)
		return fail("ring", strerror(-ret));
	puts("ringing");
	return 0;
}

static int
do_stay(void)
{
	puts("staying");
	fflush(stdout);
	return pause(); /* until a signal ends us */
}

static int
run_one(struct words *w)
{
	const char *verb = next(w);

	if (strcmp(verb, "info") == 0)
		return do_info();
	if (strcmp(verb, "map") == 0)
		return do_map(strtoull(next(w), NULL, 16), true);
	if (strcmp(verb, "view") == 0)
		return do_map(0, false);
	if (strcmp(verb, "write") == 0 || strcmp(verb, "read") == 0)
		return do_text(verb, w);
	if (strcmp(verb, "ring") == 0)
		return do_ring(w);
	if (strcmp(verb, "wait") == 0)
		return do_wait(atoi(next(w)));
	if (strcmp(verb, "there") == 0 || strcmp(verb, "gone") == 0)
		return wait_there(atoi(next(w)), verb[0] == 't');
	if (strcmp(verb, "stay") == 0)
		return do_stay();
	return fail(verb, "there is no such word");
}

static int
run(struct words *w)
{
	int ret = 0;

	while (ret == 0 && w->at < w->count) {
		ret = run_one(w);
		fflush(stdout);
	}
	return ret;
}

static int
run_lines(void)
{
	char line[256], *v[16], *save;
	int ret = 0;

	while (ret == 0 && fgets(line, sizeof(line), stdin) != NULL) {
		struct words w = {.v = v};

		save = NULL;
		for (char *word = strtok_r(line, " \n", &save); word != NULL && w.count < 16;
		     word = strtok_r(NULL, " \n", &save))
			v[w.count++] = word;
		ret = run(&w);
	}
	return ret;
}

int
main(int argc, char *argv[])
{
	struct words w = {.v = argv, .count = argc, .at = 2};
	int ret;

	if (argc < 2)
		return fail("usage", "ivshmem_peer_tool SPEC [WORD...]");
	if (pvn_ivshmem_peer_open(argv[1], &peer) < 0)
		return fail("open", pvn_ivshmem_why());
	ret = argc > 2 ? run(&w) : run_lines();
	pvn_ivshmem_peer_close(peer);
	return ret;
}
