/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The forwarding decision of the switch: which frames of a burst go where, and with what tag.
 * [SWITCH n] is docs/design/switch.md, section n.
 *
 * Pure functions over arrays: no EAL, no I/O, no allocation, no clock. The caller receives a burst
 * from one port, brings the first bytes of each frame into private memory, and then
 *
 *	pvn_switch_decide(&in, heads, lens, n, verdicts);	what becomes of each
 *	pvn_switch_group(&in, verdicts, n, &groups);		the same, by egress port
 *	while (pvn_switch_next(&groups, &port, &frames))
 *		each frame i in the mask `frames`:
 *			op = pvn_switch_tag(conf, port, &verdicts[i], &tci);
 *			copy it, its head changed with pvn_switch_retag()
 *
 * Ports, VLANs and policy are in a configuration, which the control thread builds and nobody
 * changes; a new one takes its place under RCU. The forwarding database lives on across such
 * changes.
 */
#ifndef PVN_SWITCH_H
#define PVN_SWITCH_H

#include "pvn_fdb.h"

#define PVN_SWITCH_PORTS_MAX PVN_FDB_PORTS_MAX
#define PVN_SWITCH_BURST_MAX 64u /* so a set of frames is one word */
#define PVN_SWITCH_MACS_MAX 16u
#define PVN_SWITCH_HEAD 18u /* readable bytes of each frame, however short it is */
#define PVN_VID_MAX 4094u

/* ---- settings, as the operator means them ---- */

/* A set of VLANs. */
struct pvn_switch_vlans {
	uint64_t word[64];
};

static inline void
pvn_switch_vlans_add(struct pvn_switch_vlans *set, uint16_t first, uint16_t last)
{
	for (uint32_t vid = first; vid <= last && vid < 4096; vid++)
		set->word[vid / 64] |= UINT64_C(1) << vid % 64;
}

static inline bool
pvn_switch_vlans_has(const struct pvn_switch_vlans *set, uint16_t vid)
{
	return (set->word[vid / 64 & 63] >> vid % 64 & 1) != 0;
}

enum pvn_switch_mode {
	PVN_SWITCH_OFF,	   /* there is no such port now */
	PVN_SWITCH_ACCESS, /* one VLAN, untagged in and out */
	PVN_SWITCH_TRUNK,  /* VLANs of a set, tagged; one of them may be native: untagged */
};

struct pvn_switch_port {
	enum pvn_switch_mode mode;
	uint16_t vid;	       /* access: its VLAN; trunk: native VLAN, 0 for none */
	bool accept_own_tag;   /* access: a frame tagged with its VLAN is let in too */
	bool isolated;	       /* exchanges nothing with other isolated ports */
	bool no_learning;      /* addresses seen here are not learned */
	bool forward_reserved; /* lets frames to 01:80:c2:00:00:0x in */
	uint32_t storm_rate;   /* flooded frames per second that are let in; 0: any number */
	uint32_t storm_burst;  /* flooded frames that may come at once */
	uint32_t mac_count;    /* source addresses allowed; 0: any */
	uint64_t macs[PVN_SWITCH_MACS_MAX];
	struct pvn_switch_vlans vlans; /* trunk */
};

/* ---- configuration: built once, then only read ---- */

/* Compiled settings of a port. */
struct pvn_switch_conf_port {
	uint16_t vid;	/* of untagged frames, in and out; 0: none are let in, all go out tagged */
	uint8_t on;	/* there is such a port */
	uint8_t tagged; /* tagged frames are let in */
	uint8_t isolated, learning, forward_reserved;
	uint8_t mac_count;
	uint64_t storm_cost;  /* ticks of the caller's clock for a flooded frame; 0: no limit */
	uint64_t storm_depth; /* most ticks that can be saved up */
	uint64_t macs[PVN_SWITCH_MACS_MAX];
} __attribute__((aligned(64)));

/* For each VLAN that has members there are two rows, bitmaps of ports: all its members, and those
 * that are not isolated, which is as far as an isolated port reaches.
 */
struct pvn_switch_conf {
	uint32_t ports;
	uint32_t words; /* of a row */
	const struct pvn_switch_conf_port *port;
	const uint64_t *rows;
	uint16_t row[4096]; /* by VLAN: its first; 0, two empty ones, where there are no members */
};

/* What is wrong with settings: name, what the operator reads. */
#define PVN_SWITCH_FAULTS(X)                                                                       \
	X(NONE, "no fault")                                                                        \
	X(PORTS, "more ports than 1024, or none")                                                  \
	X(SPACE, "less memory than pvn_switch_conf_size() says")                                   \
	X(MODE, "port mode is neither off, access nor trunk")                                      \
	X(ACCESS_VID, "VLAN of an access port is not in 1..4094")                                  \
	X(NATIVE_VID, "native VLAN of a trunk is not in 1..4094, or 0 for none")                   \
	X(TRUNK_VID, "VLAN set of a trunk holds 0 or 4095; 1..4094 are possible")                  \
	X(MAC_COUNT, "more than 16 allowed MAC addresses")                                         \
	X(MAC, "allowed MAC address is zero or multicast")                                         \
	X(STORM_RATE, "storm limit above the clock's rate")                                        \
	X(STORM_BURST, "storm burst is 0; at least 1 frame must be let in")

#define PVN_SWITCH_FAULT_ENUM(name, text) PVN_SWITCH_FAULT_##name,
enum pvn_switch_fault { PVN_SWITCH_FAULTS(PVN_SWITCH_FAULT_ENUM) PVN_SWITCH_FAULT_COUNT };
#undef PVN_SWITCH_FAULT_ENUM

const char *pvn_switch_fault_text(enum pvn_switch_fault fault);

/* Checks settings; *port becomes the number of the first that is wrong. `hz`: ticks per second of
 * the clock that pvn_switch_decide() is given.
 */
enum pvn_switch_fault pvn_switch_check(const struct pvn_switch_port *ports, uint32_t count,
				       uint64_t hz, uint32_t *port);

/* Memory for the configuration of settings that are right. */
size_t pvn_switch_conf_size(const struct pvn_switch_port *ports, uint32_t count);

/* Builds it in `size` bytes, aligned to 64. NULL if the settings are wrong, and then *fault and
 * *port say what.
 */
struct pvn_switch_conf *pvn_switch_conf_build(void *mem, size_t size,
					      const struct pvn_switch_port *ports, uint32_t count,
					      uint64_t hz, enum pvn_switch_fault *fault,
					      uint32_t *port);

/* The members of a VLAN, which is any 12-bit number. */
static inline const uint64_t *
pvn_switch_members(const struct pvn_switch_conf *conf, uint16_t vid)
{
	return conf->rows + (size_t)conf->row[vid] * conf->words;
}

/* Where frames of a VLAN go from a port. It may stand there itself. */
static inline const uint64_t *
pvn_switch_reach(const struct pvn_switch_conf *conf, const struct pvn_switch_conf_port *port,
		 uint16_t vid)
{
	return pvn_switch_members(conf, vid) + (port->isolated ? conf->words : 0);
}

/* Word `w` of a row without the port that the frames come from. */
static inline uint64_t
pvn_switch_others(const uint64_t *row, uint32_t w, uint32_t port)
{
	return w == port / 64 ? row[w] & ~(UINT64_C(1) << port % 64) : row[w];
}

static inline bool
pvn_switch_row_has(const uint64_t *row, uint32_t port)
{
	return (row[port / 64] >> port % 64 & 1) != 0;
}

/* ---- causes and counters ---- */

/* Why a frame is dropped, in the order of the checks: name, key, what the administrator reads. The
 * first that applies is counted, once. [SWITCH 4]
 */
#define PVN_SWITCH_RX_CAUSES(X)                                                                    \
	X(OFF, "off", "the port is not in the configuration")                                      \
	X(RATE, "rate", "over the port's rate limit")                                              \
	X(RUNT, "runt", "shorter than its headers")                                                \
	X(BAD_SOURCE, "bad_source", "source address is multicast")                                 \
	X(SPOOFED, "spoofed", "source address is not one of the port's")                           \
	X(RESERVED, "reserved", "to 01:80:c2:00:00:0x, which bridges do not forward")              \
	X(TAGGED, "tagged", "tagged, on an access port")                                           \
	X(UNTAGGED, "untagged", "untagged, on a trunk without native VLAN")                        \
	X(VLAN, "vlan", "tagged with a VLAN that the port is not in")                              \
	X(HAIRPIN, "hairpin", "its destination is where it came from")                             \
	X(NO_MEMBER, "no_member", "no other port is there to take it")                             \
	X(ISOLATED, "isolated", "between two isolated ports")                                      \
	X(STORM, "storm", "over the limit of flooded frames")

/* Of an egress port: these the caller counts, for each copy. */
#define PVN_SWITCH_TX_CAUSES(X)                                                                    \
	X(TX_DOWN, "tx_down", "the link to the receiver is down")                                  \
	X(TX_FULL, "tx_full", "the receiver does not keep up")                                     \
	X(TX_LONG, "tx_long", "longer than the receiver's MTU")                                    \
	X(TX_NOMBUF, "tx_nombuf", "no mbuf for the copy")                                          \
	X(TX_OFFLOAD, "tx_offload", "its checksum or segmentation cannot be done")

#define PVN_SWITCH_CAUSES(X) PVN_SWITCH_RX_CAUSES(X) PVN_SWITCH_TX_CAUSES(X)

#define PVN_SWITCH_CAUSE_ENUM(name, key, text) PVN_SWITCH_CAUSE_##name,
enum pvn_switch_cause {
	PVN_SWITCH_CAUSE_NONE = -1,
	PVN_SWITCH_CAUSES(PVN_SWITCH_CAUSE_ENUM) PVN_SWITCH_CAUSE_COUNT
};
#undef PVN_SWITCH_CAUSE_ENUM

const char *pvn_switch_cause_key(enum pvn_switch_cause cause);
const char *pvn_switch_cause_text(enum pvn_switch_cause cause);

/* A port's counters, of one worker, who alone writes them; whole cache lines, so no worker's line
 * is another's. frames == unicast + flooded + the drops of PVN_SWITCH_RX_CAUSES.
 */
struct pvn_switch_counts {
	pvn_fdb_word frames, bytes;	  /* that came in */
	pvn_fdb_word unicast, flooded;	  /* of them */
	pvn_fdb_word tx_frames, tx_bytes; /* copies that went out: the caller's to count */
	pvn_fdb_word drop[PVN_SWITCH_CAUSE_COUNT];
} __attribute__((aligned(64)));

/* Adds one port's block of one worker to a sum. */
void pvn_switch_counts_add(struct pvn_switch_counts *sum, const struct pvn_switch_counts *block);

/* ---- storm limit ---- */

/* Time that was saved up; each flooded frame costs some. Zeroed at the start: full. [SWITCH 5] */
struct pvn_switch_storm {
	uint64_t spent; /* the tick at which nothing would be saved */
};

/* Whether a flooded frame may pass at `now`, and if so pays for it. Should the clock have gone back
 * a little (another CPU's), nothing passes until it is where it was.
 */
static inline bool
pvn_switch_storm_take(struct pvn_switch_storm *s, const struct pvn_switch_conf_port *port,
		      uint64_t now)
{
	uint64_t saved = now > s->spent ? now - s->spent : 0;

	if (saved > port->storm_depth)
		saved = port->storm_depth;
	if (saved < port->storm_cost)
		return false;
	s->spent = now - saved + port->storm_cost;
	return true;
}

/* ---- the decision ---- */

struct pvn_switch_in {
	const struct pvn_switch_conf *conf;
	struct pvn_fdb *fdb;
	struct pvn_fdb_counts *fdb_counts; /* this worker's */
	struct pvn_switch_counts *counts;  /* this worker's, of this port */
	struct pvn_switch_storm *storm;	   /* this port's, or of the queue this worker polls */
	uint64_t now;			   /* ticks */
	uint64_t refused;		   /* frames, as a mask, over the port's rate */
	uint16_t now_s;			   /* seconds; wraps */
	uint16_t port;			   /* where the burst came from */
};

#define PVN_SWITCH_FLOOD 0xFFFEu /* to all of the VLAN: pvn_switch_group() says which */
#define PVN_SWITCH_DROP 0xFFFFu

struct pvn_switch_verdict {
	uint16_t port; /* the egress port, PVN_SWITCH_FLOOD, or PVN_SWITCH_DROP */
	uint16_t vid;
	uint16_t tci;	/* of the tag it came with; 0 without */
	uint8_t tagged; /* it has one, priority tags included, in bytes 12..15 */
	int8_t cause;	/* enum pvn_switch_cause; of a drop */
};

/* heads[i]: the first bytes of frame i, PVN_SWITCH_HEAD of them readable, in memory that nobody
 * else writes; lens[i]: its whole length. n <= PVN_SWITCH_BURST_MAX.
 */
void pvn_switch_decide(const struct pvn_switch_in *in, const uint8_t *const *heads,
		       const uint32_t *lens, uint32_t n, struct pvn_switch_verdict *verdicts);

/* ---- the tag on the way out ---- */

enum pvn_switch_tag_op {
	PVN_SWITCH_TAG_KEEP,	/* as it came */
	PVN_SWITCH_TAG_PUSH,	/* a tag goes between addresses and type */
	PVN_SWITCH_TAG_POP,	/* the tag goes */
	PVN_SWITCH_TAG_REWRITE, /* another VLAN number goes into the tag */
};

/* What to do towards an egress port. *tci is for PUSH and REWRITE; the priority that the frame came
 * with is kept in it. [SWITCH 3]
 */
static inline enum pvn_switch_tag_op
pvn_switch_tag(const struct pvn_switch_conf *conf, uint16_t port,
	       const struct pvn_switch_verdict *v, uint16_t *tci)
{
	const bool untagged = conf->port[port].vid == v->vid;

	*tci = (v->tci & 0xF000u) | v->vid;
	if (untagged)
		return v->tagged ? PVN_SWITCH_TAG_POP : PVN_SWITCH_TAG_KEEP;
	if (!v->tagged)
		return PVN_SWITCH_TAG_PUSH;
	return v->tci == *tci ? PVN_SWITCH_TAG_KEEP : PVN_SWITCH_TAG_REWRITE;
}

/* Does it, in the caller's copy of the head: returns where the frame begins now, 4 bytes before or
 * after `head`, or at it. PUSH needs 4 bytes of room in front.
 */
uint8_t *pvn_switch_retag(uint8_t *head, enum pvn_switch_tag_op op, uint16_t tci);

/* ---- by egress port ---- */

/* One for each worker, zeroed at the start. */
struct pvn_switch_groups {
	uint64_t frames[PVN_SWITCH_PORTS_MAX]; /* of a port; 0 between bursts */
	uint16_t port[PVN_SWITCH_PORTS_MAX];   /* that have any, in order of appearance */
	uint32_t count, next;
};

/* Sorts a burst's frames by egress port; to be followed by pvn_switch_next() until it says false.
 * Each port keeps the order of its frames, flooded ones included.
 */
void pvn_switch_group(const struct pvn_switch_in *in, const struct pvn_switch_verdict *verdicts,
		      uint32_t n, struct pvn_switch_groups *groups);

/* The next port, and its frames as a mask: bit i is frame i. */
static inline bool
pvn_switch_next(struct pvn_switch_groups *groups, uint16_t *port, uint64_t *frames)
{
	if (groups->next == groups->count)
		return false;
	*port = groups->port[groups->next++];
	*frames = groups->frames[*port];
	groups->frames[*port] = 0;
	return true;
}

#endif /* PVN_SWITCH_H */
