/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The driver's page and its list of features (docs/nics/) say what the driver offers, no more and
 * no less. PVN_NICS names the folder.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ethdev_driver.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define LINE_MAX_LEN 256
#define TEXT_MAX (256 * 1024)

struct offer {
	const struct rte_eth_dev *dev;
	const struct eth_dev_ops *ops;
	struct rte_eth_dev_info info;
};

#define RX(offload) ((o->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_##offload) != 0)
#define TX(offload) ((o->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_##offload) != 0)
#define OP(name) (o->ops->name != NULL)
#define FLAG(name) ((o->dev->data->dev_flags & RTE_ETH_DEV_##name) != 0)

/* DPDK's word for a feature, and how to see whether it is there. */
#define FEATURES(X)                                                                                \
	X("Link status", OP(link_update))                                                          \
	X("Link status event", FLAG(INTR_LSC))                                                     \
	X("Removal event", FLAG(INTR_RMV))                                                         \
	X("Rx interrupt", OP(rx_queue_intr_enable))                                                \
	X("Fast mbuf free", TX(MBUF_FAST_FREE))                                                    \
	X("Free Tx mbuf on demand", OP(tx_done_cleanup))                                           \
	X("Queue start/stop", OP(rx_queue_stop))                                                   \
	X("Runtime Rx queue setup", o->info.dev_capa &RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP)     \
	X("Runtime Tx queue setup", o->info.dev_capa &RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP)     \
	X("Burst mode info", OP(rx_burst_mode_get) && OP(tx_burst_mode_get))                       \
	X("Power mgmt address monitor", OP(get_monitor_addr))                                      \
	X("MTU update", OP(mtu_set))                                                               \
	X("Scattered Rx", RX(SCATTER))                                                             \
	X("LRO", RX(TCP_LRO))                                                                      \
	X("TSO", TX(TCP_TSO))                                                                      \
	X("Promiscuous mode", OP(promiscuous_enable))                                              \
	X("Allmulticast mode", OP(allmulticast_enable))                                            \
	X("Unicast MAC filter", OP(mac_addr_add))                                                  \
	X("Multicast MAC filter", OP(set_mc_addr_list))                                            \
	X("RSS hash", o->info.flow_type_rss_offloads != 0)                                         \
	X("RSS key update", OP(rss_hash_update))                                                   \
	X("RSS reta update", OP(reta_update) && o->info.reta_size != 0)                            \
	X("VLAN filter", RX(VLAN_FILTER) && OP(vlan_filter_set))                                   \
	X("VLAN offload", RX(VLAN_STRIP) && TX(VLAN_INSERT))                                       \
	X("L3 checksum offload", RX(IPV4_CKSUM) && TX(IPV4_CKSUM))                                 \
	X("L4 checksum offload", RX(TCP_CKSUM) && TX(TCP_CKSUM))                                   \
	X("Inner L3 checksum", RX(OUTER_IPV4_CKSUM) && TX(OUTER_IPV4_CKSUM))                       \
	X("Inner L4 checksum", RX(OUTER_UDP_CKSUM) && TX(OUTER_UDP_CKSUM))                         \
	X("Packet type parsing", OP(dev_supported_ptypes_get))                                     \
	X("Rx descriptor status", o->dev->rx_descriptor_status != NULL)                            \
	X("Tx descriptor status", o->dev->tx_descriptor_status != NULL)                            \
	X("Basic stats", OP(stats_get))                                                            \
	X("Extended stats", OP(xstats_get))                                                        \
	X("Stats per queue", OP(xstats_get))                                                       \
	X("FW version", OP(fw_version_get))                                                        \
	X("Registers dump", OP(get_reg))                                                           \
	X("Multiprocess aware", true)                                                              \
	X("Linux", true)                                                                           \
	X("ARMv8", true)                                                                           \
	X("x86-64", true)                                                                          \
	X("Usage doc", true)

#define COUNT(name, offered) +1
enum { NUM_FEATURES = 0 FEATURES(COUNT) };
#undef COUNT

static void
read_offers(const struct offer *o, const char *names[NUM_FEATURES], bool offered[NUM_FEATURES])
{
	size_t i = 0;

#define READ(name, condition)                                                                      \
	names[i] = name;                                                                           \
	offered[i++] = (condition) != 0;
	FEATURES(READ)
#undef READ
}

static FILE *
open_doc(const char *name)
{
	const char *folder = getenv("PVN_NICS");
	char path[4096];
	FILE *f;

	assert_non_null(folder);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	return f;
}

/* The features claimed, each a line "NAME = Y". Returns how many; an unknown one fails. */
static void
read_claims(const char *const names[NUM_FEATURES], bool claimed[NUM_FEATURES])
{
	FILE *f = open_doc("features/pvn_vmxnet3.ini");
	char line[LINE_MAX_LEN];

	while (fgets(line, sizeof(line), f) != NULL) {
		char *equals = strstr(line, " = Y\n");
		size_t i, len;

		if (line[0] == ';' || line[0] == '[' || line[0] == '\n')
			continue;
		if (equals == NULL)
			fail_msg("not NAME = Y: %s", line);
		for (len = (size_t)(equals - line); len > 0 && line[len - 1] == ' ';)
			len--;
		line[len] = '\0';
		for (i = 0; i < NUM_FEATURES && strcmp(names[i], line) != 0;)
			i++;
		if (i == NUM_FEATURES)
			fail_msg("claimed, but nobody knows how to see it: %s", line);
		claimed[i] = true;
	}
	fclose(f);
}

/* On the newest device, which has the most to offer. */
static void
test_feature_list(void **state)
{
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(9),
				  .device.capabilities = ~VMXNET3_CAP_ERROR};
	const char *names[NUM_FEATURES];
	bool offered[NUM_FEATURES], claimed[NUM_FEATURES] = {false};
	unsigned int wrong = 0;
	struct offer offer;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	offer.dev = &rte_eth_devices[t.id];
	offer.ops = offer.dev->dev_ops;
	assert_int_equal(rte_eth_dev_info_get(t.id, &offer.info), 0);
	read_offers(&offer, names, offered);
	read_claims(names, claimed);
	for (size_t i = 0; i < NUM_FEATURES; i++) {
		if (offered[i] == claimed[i])
			continue;
		print_error("%s: %s\n", names[i],
			    offered[i] ? "offered, not claimed" : "claimed only");
		wrong++;
	}
	assert_int_equal(wrong, 0);
	vmx_close(&t);
}

static const char *
read_page(void)
{
	static char text[TEXT_MAX];
	FILE *f = open_doc("pvn_vmxnet3.rst");
	size_t len = fread(text, 1, sizeof(text) - 1, f);

	assert_true(len > 0 && len < sizeof(text) - 1);
	text[len] = '\0';
	fclose(f);
	return text;
}

static unsigned int
missing(const char *page, const char *format, ...)
{
	char wanted[LINE_MAX_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);
	if (strstr(page, wanted) != NULL)
		return 0;
	print_error("the page does not say: %s\n", wanted);
	return 1;
}

/* Each counter is explained, by its name behind the queue's. */
static void
test_page_has_counters(void **state)
{
	static struct rte_eth_xstat_name names[1024];
	const char *page = read_page();
	unsigned int wrong = 0;
	struct vmx_test t;
	int n;

	(void)state;
	vmx_open(&t, NULL);
	n = rte_eth_xstats_get_names(t.id, names, RTE_DIM(names));
	assert_in_range(n, 1, RTE_DIM(names));
	for (int i = 0; i < n; i++) {
		const char *name = names[i].name;

		if (strncmp(name, "rx_q0_", 6) == 0 || strncmp(name, "tx_q0_", 6) == 0)
			wrong += missing(page, "``%s``", name + 6);
	}
	assert_int_equal(wrong, 0);
	vmx_close(&t);
}

/* Limits as dev_info has them, and the device argument's range. */
static void
test_page_has_limits(void **state)
{
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(9)};
	const char *page = read_page();
	struct rte_eth_dev_info info;
	struct vmx_test t;
	unsigned int wrong = 0;
	char devargs[32];

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	wrong += missing(page, "MTU %u to %u", info.min_mtu, info.max_mtu);
	wrong += missing(page, "up to %u tx queues and %u rx queues", info.max_tx_queues,
			 info.max_rx_queues);
	wrong += missing(page, "Rings of %u to %u descriptors, in steps of %u",
			 info.rx_desc_lim.nb_min, info.rx_desc_lim.nb_max,
			 info.rx_desc_lim.nb_align);
	wrong += missing(page, "key of %u bytes", info.hash_key_size);
	wrong += missing(page, "at most %u buffers to transmit", info.tx_desc_lim.nb_mtu_seg_max);
	vmx_close(&t);
	for (unsigned int version = 1; version < 20; version++) {
		struct vmx_port *port;

		snprintf(devargs, sizeof(devargs), "max_version=%u", version);
		port = vmx_host_plug(NULL, devargs, NULL);
		if (port != NULL) {
			vmx_host_unplug(port);
			continue;
		}
		wrong += missing(page, "``max_version=<1..%u>`` (default %u)", version - 1,
				 version - 1);
		break;
	}
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_feature_list),
		VMX_TEST(test_page_has_counters),
		VMX_TEST(test_page_has_limits),
	};

	return VMX_RUN(tests);
}
