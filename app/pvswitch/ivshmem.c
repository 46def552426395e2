/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Ports of guests over IVSHMEM: device=ivshmem:PATH, where a keeper serves a region at PATH. The
 * operator names them, so they come and go as ports of DPDK's do; frames move as with any guest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include <pvn_compat.h>

#include "view.h"

#define PREFIX "ivshmem:"
#define PORT_DEFAULT "net0"

/* What stands behind PREFIX: PATH[,mac=MAC][,port=NAME]. */
struct place {
	char path[PVS_DEVICE_MAX];
	char port[IVSHMEM_NAME_MAX];
	uint64_t mac; /* 0: one made at random */
};

bool
pvs_ivshmem_is(const char *device)
{
	return strncmp(device, PREFIX, strlen(PREFIX)) == 0;
}

static int
spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pvn_control_thread(thread, "pvswitch-ivs", run, arg);
}

static int
read_word(struct place *place, const char *word, char *why)
{
	const char *end;

	if (strncmp(word, "mac=", 4) == 0 && pvs_mac_read(word + 4, &place->mac, &end) == 0 &&
	    *end == '\0')
		return 0;
	if (strncmp(word, "port=", 5) == 0 && pvn_ivshmem_check_object_name(word + 5) == 0) {
		strcpy(place->port, word + 5);
		return 0;
	}
	snprintf(why, PVS_WHY_MAX,
		 "device ivshmem:...,%.60s: expected mac=MAC, of one port, or port=NAME", word);
	return -EINVAL;
}

static int
read_place(const char *device, struct place *place, char *why)
{
	char text[PVS_DEVICE_MAX], *rest = text, *word;
	int ret = 0;

	*place = (struct place){.port = PORT_DEFAULT};
	snprintf(text, sizeof(text), "%s", device + strlen(PREFIX));
	word = strsep(&rest, ",");
	snprintf(place->path, sizeof(place->path), "%s", word);
	if (place->path[0] == '\0') {
		snprintf(why, PVS_WHY_MAX, "device %s: expected ivshmem:PATH, of a keeper's socket",
			 device);
		return -EINVAL;
	}
	while (ret == 0 && rest != NULL)
		ret = read_word(place, strsep(&rest, ","), why);
	return ret;
}

static void
set_policy(struct pvs_port *port, struct pvn_hostend *end, uint64_t mac)
{
	struct rte_ether_addr *address = &end->policy.mac;

	rte_eth_random_addr(address->addr_bytes);
	for (int i = 0; i < RTE_ETHER_ADDR_LEN && mac != 0; i++)
		address->addr_bytes[i] = mac >> (8 * i); /* as pvn_mac_from_bytes() */
	end->policy.check_mac = true;
	end->mtu = port->set.mtu != 0 ? port->set.mtu : PVN_HOSTEND_MTU_DEFAULT;
	port->mac = pvn_mac_from_bytes(address->addr_bytes);
}

static int
open_host(struct pvs_port *port, struct pvs_guest *guest, const struct place *place, char *why)
{
	char spec[PVS_DEVICE_MAX + 16];
	int ret;

	snprintf(spec, sizeof(spec), "socket:%s.host", place->path);
	ret = pvn_ivshmem_hub_open(spec, "switch", spawn, &guest->ivs_hub);
	if (ret == 0)
		ret = pvn_ivshost_init(&guest->ivs, guest->ivs_hub, place->port, 0);
	if (ret < 0) {
		snprintf(why, PVS_WHY_MAX, "device %s: %s", port->set.device, pvn_ivshmem_why());
		pvn_ivshmem_hub_close(guest->ivs_hub);
	}
	return ret;
}

int
pvs_ivshmem_open(struct pvs *sw, struct pvs_port *port, char *why)
{
	struct pvs_guest *guest = rte_zmalloc("pvs_guest", sizeof(*guest), RTE_CACHE_LINE_SIZE);
	struct place place;
	int ret = read_place(port->set.device, &place, why);

	if (guest == NULL) {
		snprintf(why, PVS_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	guest->ivshmem = true;
	guest->end = &guest->ivs.end;
	snprintf(guest->name, sizeof(guest->name), "%s", port->name);
	guest->end->name = guest->name;
	guest->end->logtype = pvs_logtype;
	if (ret == 0) {
		set_policy(port, guest->end, place.mac);
		ret = open_host(port, guest, &place, why);
	}
	if (ret < 0) {
		rte_free(guest);
		return ret;
	}
	port->guest = guest;
	pvs_guest_rate(port);
	pvs_view_place(sw, guest->source, pvs_port_number(sw, port), pvs_guest_queues(sw, guest));
	pvn_ivshost_start(&guest->ivs);
	return 0;
}

void
pvs_ivshmem_close(struct pvs_guest *guest)
{
	pvn_ivshost_fini(&guest->ivs);
	pvn_ivshmem_hub_close(guest->ivs_hub);
	rte_free(guest);
}

/* What was learned of a guest that has gone is another one's, or nobody's. */
void
pvs_ivshmem_tick(struct pvs *sw, struct pvs_port *port)
{
	struct pvs_guest *guest = port->guest;
	const bool up = guest->end->up;

	if (guest->seen && !up)
		pvn_fdb_flush(sw->fdb, pvs_port_number(sw, port), PVN_FDB_ANY, false);
	guest->seen = up;
	if (guest->told_broken == pvn_ivshmem_hub_broken(guest->ivs_hub))
		return;
	guest->told_broken = !guest->told_broken;
	if (guest->told_broken)
		PVS_LOG(ERR, "port %s: its region's keeper is gone: start it again", port->name);
	else
		PVS_LOG(NOTICE, "port %s: its region's keeper is there again", port->name);
}
