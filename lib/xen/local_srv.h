/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The server of `local`: what hypervisor and xenstored are for domains, for processes. One thread,
 * one epoll loop. [XEN 3]
 *
 *   local_srv.c         the socket and the loop
 *   local_srv_client.c  bytes from and to a client
 *   local_srv_call.c    one request, one reply
 *   local_srv_domain.c  domains: their homes, their end
 *   local_srv_share.c   pages that are shared
 *   local_srv_map.c     pages that are mapped
 *   local_srv_event.c   event channels
 *   local_srv_path.c    paths
 *   local_srv_store.c   nodes, with permissions and quotas
 *   local_srv_node.c    requests about nodes
 *   local_srv_txn.c     transactions
 *   local_srv_watch.c   watches
 *
 * Functions return 0 or a negative errno after xen_fail(), whose text goes to the client.
 */
#ifndef LOCAL_SRV_H
#define LOCAL_SRV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "local_tree.h"
#include "local_wire.h"
#include "xen_ops.h"

/* [XEN 1] xenstored's quotas; domain 0 has none. */
#define SRV_MAX_NODES 1000u
#define SRV_MAX_NODE_SIZE 2048u
#define SRV_MAX_WATCHES 128u /* refuses when there are more, so 129 work; */
#define SRV_MAX_TXNS 10u     /* the same here */
#define SRV_MAX_TXN_NODES 1024u
#define SRV_MAX_PERMS 5u
#define SRV_MAX_PATH 2048u /* of a path, without a home that it is in */

/* Our own bounds. */
#define SRV_MAX_PORTS 4096u	      /* of a domain [XEN 1] */
#define SRV_MAX_CLIENTS 1024u	      /* of all domains */
#define SRV_MAX_TXN_LOG (256u * 1024) /* bytes of a guest's changes in one transaction */
#define SRV_MAX_EVENTS 1024u	      /* events waiting for a client, before they are merged */

struct srv_client;
struct srv_domain;
struct srv_port;
struct srv_share;

/* ---- pages ---- */

/* What happens when somebody lets go of a page. */
struct srv_note {
	struct srv_share *share; /* NULL: nothing */
	uint64_t offset;
	struct srv_port *port; /* or NULL */
};

struct srv_share {
	struct srv_domain *domain; /* NULL: it was removed, but a peer has the pages mapped */
	struct srv_client *owner;  /* NULL: taken back */
	LIST_ENTRY(srv_share) of_owner;
	uint16_t peer;
	bool writable;
	uint32_t base; /* first reference, and the share's id */
	uint32_t span; /* references from the first to the last */
	uint32_t pages;
	uint32_t maps; /* maps that have pages of it */
	struct srv_note note;
	int fd;
	int ro_fd;
	uint64_t mark; /* of the map call that saw it last, */
	uint32_t slot; /* and its place in that call's reply */
};

struct srv_map {
	LIST_ENTRY(srv_map) of_owner;
	uint32_t id;
	struct srv_note note;
	uint32_t count;
	struct srv_share *shares[]; /* each once */
};

/* ---- event channels ---- */

/* Two ends. End i waits on fd[i] and signals fd[1 - i]; end[i] is NULL when it is free to bind. */
struct srv_channel {
	int fd[2];
	struct srv_port *end[2];
};

struct srv_port {
	LIST_ENTRY(srv_port) of_owner;
	struct srv_domain *domain;
	struct srv_client *owner; /* NULL: closed, but notes use it */
	struct srv_channel *channel;
	int side;
	uint32_t number;
	uint16_t peer;
	uint32_t notes;
};

/* ---- store ---- */

enum srv_change_kind {
	SRV_WRITE,
	SRV_MKDIR,
	SRV_RM,
	SRV_PERMS,
};

struct srv_change {
	enum srv_change_kind kind;
	const char *path;
	const char *value;
	size_t len;
	const struct pvn_xen_perm *perms;
	uint32_t perm_count;
};

/* A sorted set of paths. */
struct srv_paths {
	char **v;
	uint32_t count;
	uint32_t room;
};

struct srv_txn {
	LIST_ENTRY(srv_txn) of_owner;
	uint32_t id;
	struct tree base; /* as it was at the beginning */
	struct tree view; /* with our changes */
	struct srv_paths seen;
	struct srv_change *log;
	uint32_t log_count;
	uint32_t log_room;
	size_t log_bytes;
	bool failed; /* a limit was met: it cannot be committed */
};

struct srv_watch {
	TAILQ_ENTRY(srv_watch) of_all;
	LIST_ENTRY(srv_watch) of_owner;
	struct srv_client *owner;
	uint32_t id;
	size_t strip; /* bytes of the home that a relative watch does not tell */
	char *path;
};

/* A watch event that waits for room in its socket. */
struct srv_event {
	TAILQ_ENTRY(srv_event) next;
	uint32_t watch;
	char path[];
};

/* ---- clients, domains, the server ---- */

enum srv_source_kind {
	SRV_LISTEN,
	SRV_STOP,
	SRV_REQUEST,
	SRV_WATCH,
};

/* What an epoll event points to. */
struct srv_source {
	enum srv_source_kind kind;
	struct srv_client *client;
};

/* A reply on its way. */
struct srv_reply {
	struct local_rep head;
	void *body; /* malloc'd */
	int *fds;   /* malloc'd, duplicates */
	size_t sent;
	bool under_way;
};

struct srv_client {
	LIST_ENTRY(srv_client) next;
	struct srv *srv;
	struct srv_domain *domain; /* NULL until HELLO, and when the domain was removed */
	bool dead;		   /* to be freed before the next epoll event */

	int fd;
	struct srv_source request_source;
	struct local_req req;
	char *body; /* of the request; a NUL follows it */
	size_t got; /* bytes of request and body */
	struct srv_reply reply;

	int watch_fd;
	struct srv_source watch_source;
	TAILQ_HEAD(, srv_event) events;
	uint32_t event_count;

	LIST_HEAD(, srv_share) shares;
	LIST_HEAD(, srv_map) maps;
	LIST_HEAD(, srv_port) ports;
	LIST_HEAD(, srv_watch) watches;
	LIST_HEAD(, srv_txn) txns;
	uint32_t last_map;
	uint32_t last_txn;
};

struct srv_domain {
	LIST_ENTRY(srv_domain) next;
	uint16_t id;
	uint32_t next_ref;
	uint32_t shared_pages;
	struct srv_share **shares; /* sorted by first reference */
	uint32_t share_count;
	uint32_t share_room;
	struct srv_port **ports; /* by number, from 1 on */
	uint32_t port_room;
	uint32_t watch_count;
	uint32_t txn_count;
};

/* @introduceDomain and @releaseDomain are nodes with nothing but permissions. */
struct srv_special {
	struct pvn_xen_perm perms[SRV_MAX_PERMS];
	uint32_t perm_count;
};

enum {
	SRV_INTRODUCE,
	SRV_RELEASE,
	SRV_SPECIALS,
};

struct srv {
	const char *path;
	uint32_t share_pages; /* limit of a domain */
	int epoll_fd;
	int listen_fd;
	int spare_fd; /* to be closed when no descriptor is left for accept() */
	uint32_t client_count;
	uint32_t dead_count;
	uint64_t map_calls;
	LIST_HEAD(, srv_client) clients;
	LIST_HEAD(, srv_domain) domains;
	TAILQ_HEAD(, srv_watch) watches;
	struct tree tree;
	struct srv_special special[SRV_SPECIALS];
};

/* local_srv_client.c */
int srv_client_new(struct srv *srv, int fd);
void srv_client_ready(struct srv_client *c, uint32_t events);
/* Ends what it holds, as death does; it may go on. */
void srv_client_release(struct srv_client *c);
/* Releases and disconnects; the struct is freed by the loop. */
void srv_client_end(struct srv_client *c);
void srv_client_free(struct srv_client *c);

/* local_srv_call.c: does what c->req and c->body ask for and fills c->reply. */
void srv_call(struct srv_client *c);
/* For the reply: takes over a malloc'd body; duplicates descriptors. */
void srv_reply_body(struct srv_client *c, void *body, size_t len);
int srv_reply_fds(struct srv_client *c, const int *fds, uint32_t count);
void srv_reply_free(struct srv_reply *r);
/* -ENOMEM. */
int srv_no_memory(void);

/* local_srv_domain.c */
struct srv_domain *srv_domain_find(struct srv *srv, uint16_t id);
/* Makes it and its home if there is none yet. NULL with errno. */
struct srv_domain *srv_domain_get(struct srv *srv, uint16_t id);
/* Domain 0 changed the set of homes: makes and ends domains as it wants. */
void srv_domains_follow(struct srv *srv);
void srv_domains_free(struct srv *srv);

/* local_srv_share.c */
int srv_share(struct srv_client *c);
int srv_unshare(struct srv_client *c);
/* The share that a reference is of, and which page; NULL if none. */
struct srv_share *srv_ref_find(const struct srv_domain *d, uint32_t ref, uint32_t *page);
/* Notes what the request wants to happen when a page of the share is let go. */
int srv_note_set(struct srv_client *c, struct srv_note *note, struct srv_share *s, uint32_t page);
void srv_note_fire(struct srv_note *note);
void srv_share_free_unused(struct srv_share *s);
void srv_shares_release(struct srv_client *c);
/* The domain ends; what peers have mapped stays until they let go. */
void srv_shares_detach(struct srv_domain *d);

/* local_srv_map.c */
int srv_map(struct srv_client *c);
int srv_unmap(struct srv_client *c);
void srv_maps_release(struct srv_client *c);

/* local_srv_event.c */
int srv_event_alloc(struct srv_client *c);
int srv_event_bind(struct srv_client *c);
int srv_event_close(struct srv_client *c);
struct srv_port *srv_port_find(struct srv_client *c, uint32_t number);
void srv_port_signal(struct srv_port *p);
void srv_port_note(struct srv_port *p);
void srv_port_unnote(struct srv_port *p);
void srv_ports_release(struct srv_client *c);

/* local_srv_path.c */
/* The absolute path for one of a client, malloc'd; NULL with errno. `len` bytes, a NUL follows. */
char *srv_path(const struct srv_client *c, const char *path, size_t len);
/* SRV_INTRODUCE, SRV_RELEASE, or -1. */
int srv_special(const char *path);

/* local_srv_store.c */
enum srv_need {
	SRV_NEED_READ,
	SRV_NEED_WRITE,
	SRV_NEED_OWNER,
};

bool srv_may(const struct pvn_xen_perm *perms, uint32_t count, uint16_t domid, bool read,
	     bool write);
/* The node, if the domain may do that with it. Whether a node is missing is only told to whom may
 * do it with the nearest one above.
 */
int srv_reach(const struct tree *tree, uint16_t domid, const char *path, enum srv_need need,
	      const struct node **out);
/* Makes a change in a tree, with permissions and quotas; the tree is of no use if it fails. */
int srv_apply(struct tree *tree, uint16_t domid, const struct srv_change *change);
/* Makes a change in the store, and tells the watches. */
int srv_change(struct srv *srv, uint16_t domid, const struct srv_change *change);

/* local_srv_node.c */
int srv_read(struct srv_client *c);
int srv_list(struct srv_client *c);
int srv_get_perms(struct srv_client *c);
int srv_write(struct srv_client *c);
int srv_mkdir(struct srv_client *c);
int srv_rm(struct srv_client *c);
int srv_set_perms(struct srv_client *c);

/* local_srv_txn.c */
int srv_txn_begin(struct srv_client *c);
int srv_txn_end(struct srv_client *c);
/* The tree that the request is about; notes that the path was looked at. NULL with errno. */
const struct tree *srv_txn_view(struct srv_client *c, const char *path);
/* A change of the request's transaction. */
int srv_txn_change(struct srv_client *c, const struct srv_change *change);
/* Puts another version of the store into force: takes over `now`. */
void srv_install(struct srv *srv, uint16_t domid, struct tree *now,
		 const struct srv_change *changes, uint32_t count);
void srv_txns_release(struct srv_client *c);

/* local_srv_watch.c */
int srv_watch(struct srv_client *c);
int srv_unwatch(struct srv_client *c);
/* Tells the watches of a path that it changed between two versions of the store. */
void srv_fire(struct srv *srv, const struct tree *old, const struct tree *now, const char *path);
void srv_fire_special(struct srv *srv, int which);
/* Sends what waits. */
void srv_events_flush(struct srv_client *c);
void srv_watches_release(struct srv_client *c);

#endif /* LOCAL_SRV_H */
