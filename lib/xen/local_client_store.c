/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The store of `local`. Watch events carry the number that we gave the watch; the table of watches
 * has its token. An event whose watch is gone is dropped here, as it may have been on its way.
 */
#include "local_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct local_call
path_call(uint32_t op, uint32_t txn, const char *path)
{
	return (struct local_call){.op = op, .txn = txn, .body = {{path, strlen(path)}}};
}

/* ---- nodes ---- */

int
local_read(struct pvn_xen *x, uint32_t txn, const char *path, char **value)
{
	struct local_call c = path_call(LOCAL_READ, txn, path);
	int ret = local_call((struct local *)x, &c);

	if (ret < 0)
		return ret;
	ret = c.reply_len;
	*value = c.reply;
	c.reply = NULL;
	local_call_done(&c);
	return ret;
}

int
local_write(struct pvn_xen *x, uint32_t txn, const char *path, const char *value, size_t len)
{
	struct local_call c = {
		.op = LOCAL_WRITE, .txn = txn, .body = {{path, strlen(path) + 1}, {value, len}}};

	return local_ask((struct local *)x, &c);
}

int
local_mkdir(struct pvn_xen *x, uint32_t txn, const char *path)
{
	struct local_call c = path_call(LOCAL_MKDIR, txn, path);

	return local_ask((struct local *)x, &c);
}

int
local_rm(struct pvn_xen *x, uint32_t txn, const char *path)
{
	struct local_call c = path_call(LOCAL_RM, txn, path);

	return local_ask((struct local *)x, &c);
}

/* Pointers, then the names they point to, in one block. */
static char **
make_names(const char *text, uint32_t len, uint32_t count)
{
	char **names = malloc(count * sizeof(*names) + len + 1);
	char *p = (char *)(names + count);

	if (names == NULL)
		return NULL;
	memcpy(p, text, len);
	p[len] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		names[i] = p;
		p += strlen(p) + 1;
	}
	return names;
}

int
local_list(struct pvn_xen *x, uint32_t txn, const char *path, char ***names)
{
	struct local_call c = path_call(LOCAL_LIST, txn, path);
	int ret = local_call((struct local *)x, &c);
	char **made;

	if (ret < 0)
		return ret;
	made = make_names(c.reply, c.reply_len, ret);
	local_call_done(&c);
	if (made == NULL)
		return xen_fail(ENOMEM, "no memory for %d names", ret);
	*names = made;
	return ret;
}

int
local_set_perms(struct pvn_xen *x, uint32_t txn, const char *path, const struct pvn_xen_perm *perms,
		unsigned int count)
{
	uint32_t words[64]; /* xen_store.c lets no more through */
	struct local_call c = {.op = LOCAL_SET_PERMS,
			       .txn = txn,
			       .arg = {count},
			       .body = {{words, count * sizeof(words[0])}, {path, strlen(path)}}};

	for (unsigned int i = 0; i < count; i++)
		words[i] = perms[i].domid | (perms[i].read ? LOCAL_PERM_READ : 0) |
			   (perms[i].write ? LOCAL_PERM_WRITE : 0);
	return local_ask((struct local *)x, &c);
}

int
local_get_perms(struct pvn_xen *x, uint32_t txn, const char *path, struct pvn_xen_perm **perms)
{
	struct local_call c = path_call(LOCAL_GET_PERMS, txn, path);
	int ret = local_call((struct local *)x, &c);
	const uint32_t *words = c.reply;
	struct pvn_xen_perm *made;

	if (ret < 0)
		return ret;
	made = calloc(ret, sizeof(*made));
	for (int i = 0; i < ret && made != NULL; i++) {
		made[i].domid = words[i] & LOCAL_PERM_DOMID;
		made[i].read = (words[i] & LOCAL_PERM_READ) != 0;
		made[i].write = (words[i] & LOCAL_PERM_WRITE) != 0;
	}
	local_call_done(&c);
	if (made == NULL)
		return xen_fail(ENOMEM, "no memory for %d permissions", ret);
	*perms = made;
	return ret;
}

int
local_txn_begin(struct pvn_xen *x, uint32_t *txn)
{
	struct local_call c = {.op = LOCAL_TXN_BEGIN};
	int ret = local_ask((struct local *)x, &c);

	if (ret < 0)
		return ret;
	*txn = ret;
	return 0;
}

int
local_txn_end(struct pvn_xen *x, uint32_t txn, bool commit)
{
	struct local_call c = {.op = LOCAL_TXN_END, .txn = txn, .arg = {commit}};

	return local_ask((struct local *)x, &c);
}

/* ---- watches; the table's functions are called with watch_lock held ---- */

static struct local_watch *
find_watch(struct local *l, const char *path, const char *token)
{
	for (uint32_t i = 0; i < l->watch_count; i++) {
		struct local_watch *w = &l->watches[i];

		if (strcmp(w->path, path) == 0 && strcmp(w->token, token) == 0)
			return w;
	}
	return NULL;
}

static struct local_watch *
find_watch_id(struct local *l, uint32_t id)
{
	for (uint32_t i = 0; i < l->watch_count; i++)
		if (l->watches[i].id == id)
			return &l->watches[i];
	return NULL;
}

static void
drop_watch(struct local *l, struct local_watch *w)
{
	free(w->path);
	free(w->token);
	*w = l->watches[--l->watch_count];
}

static int
add_watch(struct local *l, const char *path, const char *token)
{
	struct local_watch *v;
	struct local_watch w = {.id = ++l->watch_id};

	if (find_watch(l, path, token) != NULL)
		return xen_fail(EEXIST, "%s is watched already with the token %s", path, token);
	v = realloc(l->watches, (l->watch_count + 1) * sizeof(*v));
	if (v != NULL)
		l->watches = v;
	w.path = strdup(path);
	w.token = strdup(token);
	if (v == NULL || w.path == NULL || w.token == NULL) {
		free(w.path);
		free(w.token);
		return xen_fail(ENOMEM, "no memory for a watch of %s", path);
	}
	l->watches[l->watch_count++] = w;
	return 0;
}

/* In the table before the server knows it, because its first event may be here before the reply. */
int
local_watch(struct pvn_xen *x, const char *path, const char *token)
{
	struct local *l = (struct local *)x;
	struct local_call c = path_call(LOCAL_WATCH, 0, path);
	struct local_watch *w;
	int ret;

	pthread_mutex_lock(&l->watch_lock);
	ret = add_watch(l, path, token);
	c.arg[0] = l->watch_id;
	pthread_mutex_unlock(&l->watch_lock);
	if (ret < 0)
		return ret;
	ret = local_ask(l, &c);
	if (ret >= 0)
		return 0;
	pthread_mutex_lock(&l->watch_lock);
	w = find_watch_id(l, c.arg[0]);
	if (w != NULL)
		drop_watch(l, w);
	pthread_mutex_unlock(&l->watch_lock);
	errno = -ret;
	return ret;
}

int
local_unwatch(struct pvn_xen *x, const char *path, const char *token)
{
	struct local *l = (struct local *)x;
	struct local_call c = {.op = LOCAL_UNWATCH};
	struct local_watch *w;

	pthread_mutex_lock(&l->watch_lock);
	w = find_watch(l, path, token);
	if (w != NULL) {
		c.arg[0] = w->id;
		drop_watch(l, w);
	}
	pthread_mutex_unlock(&l->watch_lock);
	if (c.arg[0] == 0)
		return xen_fail(ENOENT, "%s is not watched with the token %s", path, token);
	return local_ask(l, &c);
}

int
local_watch_fd(struct pvn_xen *x)
{
	return ((struct local *)x)->watch_fd;
}

/* The token of a watch, copied; NULL with ENOENT if there is no such watch any more. */
static char *
token_of(struct local *l, uint32_t id)
{
	struct local_watch *w;
	char *token = NULL;

	pthread_mutex_lock(&l->watch_lock);
	w = find_watch_id(l, id);
	errno = ENOENT;
	if (w != NULL)
		token = strdup(w->token);
	pthread_mutex_unlock(&l->watch_lock);
	return token;
}

/* One event into `room` bytes, its path with a NUL. The errno, positive, or 0. */
static int
recv_event(struct local *l, struct local_event *event, size_t room)
{
	ssize_t n;

	do {
		n = recv(l->watch_fd, event, room - 1, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if ((size_t)n < sizeof(*event))
		return ECONNRESET;
	((char *)event)[n] = '\0';
	return 0;
}

int
local_watch_next(struct pvn_xen *x, char **token, char **path)
{
	struct local *l = (struct local *)x;
	uint32_t room[(sizeof(struct local_event) + PVN_XEN_PATH_MAX) / 4 + 2];
	struct local_event *event = (struct local_event *)room;
	char *found;
	int error;

	do {
		error = recv_event(l, event, sizeof(room));
		if (error == EAGAIN) {
			errno = EAGAIN;
			return -EAGAIN;
		}
		if (error != 0)
			return xen_fail(ECONNRESET,
					"the server at %s has ended, or domain %u was "
					"removed",
					l->path, x->domid);
		found = token_of(l, event->watch);
	} while (found == NULL && errno == ENOENT);
	if (found != NULL && path != NULL)
		*path = strdup(event->path);
	if (found == NULL || (path != NULL && *path == NULL)) {
		free(found);
		return xen_fail(ENOMEM, "no memory for a watch event");
	}
	*token = found;
	return 0;
}

void
local_watches_close(struct local *l)
{
	while (l->watch_count > 0)
		drop_watch(l, &l->watches[l->watch_count - 1]);
	free(l->watches);
	l->watches = NULL;
}
