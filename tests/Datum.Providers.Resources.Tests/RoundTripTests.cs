using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

public sealed class RoundTripTests
{
    internal static readonly string[] SeedsOfOurKinds =
    [
        "02-exportpolicy-exportpolicy-sample.yaml", "03-location-gcp-us-west1-a.yaml", "04-network-default.yaml", "05-network-default.yaml",
        "07-workload-workload-sandbox-sample.yaml", "08-workload-workload-sample.yaml", "09-workload-workload-vm-sample.yaml",
        "10-location-my-gcp-us-south1-a.yaml", "11-network-default.yaml", "12-workload-nginx-workload.yaml",
    ];

    internal static readonly string[] SampleFiles =
    [
        "compute/samples/compute_v1alpha_workload-sandbox.yaml", "compute/samples/compute_v1alpha_workload-vm.yaml",
        "compute/samples/gcp-locations.yaml", "compute/samples/kong-gateway.yaml", "compute/samples/multi-placement-sandbox.yaml",
        "compute/samples/compute_v1alpha_workloaddeployment.yaml",
        "workload-operator/samples/compute_v1alpha_workload-sandbox.yaml", "workload-operator/samples/compute_v1alpha_workload-vm.yaml",
        "workload-operator/samples/gcp-locations.yaml", "workload-operator/samples/kong-gateway.yaml",
        "workload-operator/samples/multi-placement-sandbox.yaml", "workload-operator/samples/compute_v1alpha_workloaddeployment.yaml",
        "milo-os-milo/samples/project.yaml", "datum-cloud-milo/samples/project.yaml",
        "telemetry-services-operator/samples/telemetry_v1alpha1_exportpolicy.yaml",
        "unikraft-provider/samples/instance.yaml", "unikraft-provider/samples/e2e-instance.yaml",
        "network-services-operator/main-v0.26.1/samples/networking_v1alpha_network.yaml",
        "network-services-operator/main-v0.26.1/samples/networking_v1alpha_networkbinding.yaml",
        "network-services-operator/main-v0.26.1/samples/networking_v1alpha_networkcontext.yaml",
        "network-services-operator/main-v0.26.1/samples/networking_v1alpha_networkpolicy.yaml",
        "network-services-operator/main-v0.26.1/samples/networking_v1alpha_subnet.yaml",
        "network-services-operator/main-v0.26.1/samples/networking_v1alpha_subnetclaim.yaml",
    ];

    private static readonly DateTimeOffset Now = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [TestCaseSource(nameof(SeedsOfOurKinds))]
    public void A_seed_manifest_survives_our_types_without_loss(string file)
    {
        var manifest = Yaml.Single(File.ReadAllText(SharedFolder.Require("seeds", $"seeds/manifests/{file}")));
        AssertLossless(manifest);
    }

    [Test]
    public void The_list_of_seeds_is_complete()
    {
        var folder = SharedFolder.Require("seeds", "seeds/manifests");
        var ours = Directory.GetFiles(folder).Where(f => Kind.Find(Yaml.Single(File.ReadAllText(f))) is not null).Select(Path.GetFileName);
        Assert.That(ours, Is.EquivalentTo(SeedsOfOurKinds));
    }

    [TestCaseSource(nameof(SampleFiles))]
    public void An_upstream_sample_with_a_spec_survives_our_types_without_loss(string file)
    {
        var documents = Yaml.Documents(File.ReadAllText(SharedFolder.Require("seeds", $"datum-upstream/{file}"))).Where(d => Kind.Find(d) is not null).ToList();
        Assert.That(documents, Is.Not.Empty);
        foreach (var manifest in documents)
        {
            // A scaffold says "spec:" and nothing behind it. That is no object of ours, and reading it says so.
            if (manifest["spec"] is not null)
            {
                AssertLossless(manifest);
            }
            else if (manifest["kind"]!.GetValue<string>() != "NetworkPolicy")
            {
                Assert.That(() => Kind.Find(manifest)!.RoundTrip(manifest), Throws.TypeOf<JsonException>().With.Message.Contains("pec"));
            }
        }
    }

    [TestCase("11-network-default.yaml")]
    [TestCase("12-workload-nginx-workload.yaml")]
    public void A_shipped_sample_is_the_seed_byte_for_byte(string file)
    {
        var seed = File.ReadAllBytes(SharedFolder.Require("seeds", $"seeds/manifests/{file}"));
        var ours = File.ReadAllBytes(Path.Combine(SharedFolder.RepositoryRoot, "deploy", "samples", file));
        Assert.That(ours, Is.EqualTo(seed));
    }

    [Test]
    public void Unknown_members_survive_at_every_depth()
    {
        const string text = """
            {
              "apiVersion": "compute.datumapis.com/v1alpha", "kind": "Instance", "surprise": [1, {"a": null}],
              "metadata": {"name": "a", "namespace": "b", "managedBy": {"x": 1}, "creationTimestamp": "2030-01-02T03:04:05Z"},
              "spec": {
                "runtime": {
                  "class": "fast", "resources": {"instanceType": "t", "burst": true},
                  "sandbox": {"sysctls": [{"name": "n", "value": "v"}], "containers": [{
                    "name": "c", "image": "i", "securityContext": {"capabilities": {"drop": ["ALL"]}},
                    "env": [{"name": "E", "valueFrom": {"fileKeyRef": {"key": "k"}}}],
                    "ports": [{"name": "p", "port": 80, "hostPort": 8080}],
                    "volumeAttachments": [{"name": "v", "readOnly": true}]}]}
                },
                "networkInterfaces": [{"name": "eth0", "ipFamilies": ["IPv6"], "network": {"name": "n", "x": 1},
                  "networkPolicy": {"egress": [], "ingress": [{"priority": 1, "ports": [{"port": "http", "x": 1}], "from": [{"ipBlock": {"cidr": "::/0", "x": 1}, "selector": {}}]}]}}],
                "volumes": [{"name": "v", "csi": {"driver": "d"}, "disk": {"x": 1, "template": {"x": 1, "spec": {"x": 1, "populator": {"snapshot": {"name": "s"}}}}}}],
                "controller": {"templateHash": "h", "replica": 3, "schedulingGates": [{"name": "Network", "since": "x"}]}
              },
              "status": {"suspended": true, "conditions": [{"type": "Ready", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z", "severity": "x"}],
                "networkInterfaces": [{"addresses": ["a"], "assignments": {"networkIP": "10.0.0.1", "v6": "::1"}}]}
            }
            """;
        AssertLossless((JsonObject)JsonNode.Parse(text)!);
    }

    [Test]
    public void Zero_counters_are_written()
    {
        var workload = ResourceTypes.Workloads.Stamp(new Workload { Status = new WorkloadStatus { Placements = [new PlacementStatus { Name = "p" }] } });
        var status = ToNode(ResourceTypes.Workloads, workload)["status"]!;
        string[] counters = ["replicas", "currentReplicas", "desiredReplicas", "readyReplicas"];
        Assert.Multiple(() =>
        {
            Assert.That(((JsonObject)status).Select(m => m.Key), Is.EquivalentTo([.. counters, "deployments", "placements"]));
            Assert.That(((JsonObject)status["placements"]![0]!).Select(m => m.Key), Is.EquivalentTo([.. counters, "name"]));
            Assert.That(status["replicas"]!.GetValue<int>(), Is.Zero);
        });
    }

    [Test]
    public void The_empty_start_address_and_the_zero_prefix_of_a_subnet_are_written()
    {
        var spec = ToNode(ResourceTypes.Subnets, new Subnet())["spec"]!;
        Assert.That(spec["startAddress"]!.GetValue<string>(), Is.Empty);
        Assert.That(spec["prefixLength"]!.GetValue<int>(), Is.Zero);
    }

    [Test]
    public void The_zero_incarnation_and_an_unwanted_entry_are_written()
    {
        var spec = ToNode(ResourceTypes.ManagedResources, new ManagedResource())["spec"]!;
        Assert.That(spec["record"]!["incarnation"]!.GetValue<long>(), Is.Zero);
        Assert.That(spec["wanted"]!.GetValue<bool>(), Is.False);
        Assert.That(spec["format"]!.GetValue<int>(), Is.EqualTo(1));
    }

    [Test]
    public void A_whole_entry_of_the_ledger_survives_with_its_free_parts()
    {
        using var free = JsonDocument.Parse("""{"b": [1, 2.5, "x", null], "a": {}}""");
        var entry = ResourceTypes.ManagedResources.Stamp(new ManagedResource
        {
            Metadata = new ObjectMeta { Name = "n", Finalizers = [Finalizers.Platform] },
            Spec = new ManagedResourceSpec
            {
                Installation = "i",
                Kind = ManagedResourceKind.Instance,
                Slot = "instance",
                Desired = free.RootElement,
                LocationBlock = free.RootElement,
                Wanted = true,
                Record = new ResourceRecord
                {
                    Incarnation = 3,
                    Intent = new RecordedIntent { Step = "server", StartedAt = Now, Deadline = Now.AddMilliseconds(1500), Host = "h" },
                    Absence = new RecordedAbsence { FirstAt = Now, Session = "s" },
                    Parts = [new RecordedPart { Name = "server", Id = "42", CreatedAt = Now }],
                },
            },
            Status = new ManagedResourceStatus { Observed = free.RootElement, Addresses = ["10.0.0.1"] },
        });
        var json = ToNode(ResourceTypes.ManagedResources, entry);
        Assert.That(json["spec"]!["record"]!["intent"]!["startedAt"]!.GetValue<string>(), Is.EqualTo("2030-01-02T03:04:05Z"));
        Assert.That(json["spec"]!["record"]!["intent"]!["deadline"]!.GetValue<string>(), Is.EqualTo("2030-01-02T03:04:06.5Z"));
        AssertLossless(json);
    }

    [Test]
    public void A_clone_shares_nothing_with_its_original()
    {
        var original = new Network { Metadata = new ObjectMeta { Name = "n", Labels = new() { ["a"] = "1" } } };
        var copy = ResourceTypes.Networks.Clone(original);
        copy.Metadata.Labels!["a"] = "2";
        copy.Spec.Ipam.Mode = "Policy";
        Assert.That(original.Metadata.Labels["a"], Is.EqualTo("1"));
        Assert.That(original.Spec.Ipam.Mode, Is.Empty);
    }

    [TestCase("8080", true, 8080L)]
    [TestCase("\"http\"", false, 0L)]
    [TestCase("\"8080\"", false, 0L)]
    [TestCase("9000000000", true, 9000000000L)]
    public void An_int_or_string_keeps_its_form(string json, bool isNumber, long number)
    {
        var port = Port(json);
        Assert.That((port.IsNumber, port.Number), Is.EqualTo((isNumber, number)));
        Assert.That(JsonSerializer.Serialize(new NetworkPolicyPort { Port = port }, ResourcesJsonContext.Default.NetworkPolicyPort), Is.EqualTo($$"""{"port":{{json}}}"""));
    }

    [TestCase("1.5")]
    [TestCase("true")]
    [TestCase("{}")]
    public void Anything_else_than_an_int_or_a_string_is_refused(string json) =>
        Assert.That(() => Port(json), Throws.TypeOf<JsonException>());

    [Test]
    public void Both_spellings_of_ranges_are_read_in_order_without_repetition()
    {
        var ipam = new NetworkIpam { IPv4Range = "10.0.0.0/8", IPv4Ranges = ["172.16.0.0/12", "10.0.0.0/8"] };
        Assert.That(ipam.AllIPv4Ranges, Is.EqualTo((string[])["10.0.0.0/8", "172.16.0.0/12"]));
        Assert.That(ipam.AllIPv6Ranges, Is.Empty);
    }

    private static IntOrString Port(string json) =>
        JsonSerializer.Deserialize($$"""{"port":{{json}}}""", ResourcesJsonContext.Default.NetworkPolicyPort)!.Port!.Value;

    private static JsonObject ToNode<T>(ResourceType<T> type, T value) where T : KubeObject => (JsonObject)JsonSerializer.SerializeToNode(value, type.Json)!;

    private static void AssertLossless(JsonObject manifest)
    {
        var kind = Kind.Find(manifest) ?? throw new InvalidOperationException($"We have no type for {manifest["kind"]}.");
        var written = kind.RoundTrip(manifest);
        Assert.That(JsonNode.DeepEquals(manifest, written), Is.True, $"Was:\n{manifest}\nis:\n{written}");
    }
}
