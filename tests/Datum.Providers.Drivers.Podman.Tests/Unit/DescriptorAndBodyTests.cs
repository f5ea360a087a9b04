using System.Text.Json;
using Datum.Providers.Drivers.Podman.Instances;
using Datum.Providers.Drivers.Podman.Libpod;
using Datum.Providers.Testing;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

[TestFixture]
public sealed class DescriptorAndBodyTests
{
    private static readonly Identity Id = new()
    {
        Installation = "t1", Kind = ResourceKind.Instance, Name = "0123456789abcdef0123456789abcdef", Incarnation = 3,
    };

    private static readonly ContainerSpec Web = new()
    {
        Name = "web", Image = "nginx", Command = ["a"], Args = ["b"], Limits = new ContainerLimits { CpuMillis = 5, MemoryMiB = 64 },
        Mounts = [new MountSpec { Volume = "v", Path = "/data", ReadOnly = true }],
    };

    private static readonly InstanceSpec Spec = new()
    {
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "x", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [Web] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = new Reference { Name = "n", Parts = [new Part { Name = "network", Id = "net-n" }] }, Addresses = ["10.0.0.5"] }],
        Volumes = [new VolumeSpec { Name = "v", Disk = new DiskVolume { Disk = new Reference { Name = "d", Parts = [new Part { Name = "volume", Id = "dsk-d" }] }, DeviceName = "v" } }],
    };

    private static readonly ContainerPayload Payload = new()
    {
        Environment = ImmutableDictionary<string, string>.Empty.Add("A", "1"),
        SecretEnvironment = ImmutableDictionary<string, string>.Empty.Add("B", "secret-1"),
        Files = [new SecretMount { Source = "secret-1", Target = "/etc/x", Mode = 420 }],
        Secrets = ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty,
    };

    [Test]
    public void The_description_is_the_same_every_time_and_names_only_kinds_that_are_there()
    {
        var descriptor = new PodmanDriverFactory().Describe();

        Assert.That((descriptor.Id, descriptor.LocationKey, descriptor.RangeOrder), Is.EqualTo(("podman", "podman", RangeOrder.RangeFirst)));
        Assert.That(descriptor.Version, Does.Match(@"^\d+\.\d+\.\d+"));
        Assert.That(descriptor.Kinds.Select(k => k.Kind), Is.EqualTo(new[] { ResourceKind.Network, ResourceKind.Disk, ResourceKind.Instance }));
        Assert.That(descriptor.Kinds.Select(k => k.CreateClass), Is.All.EqualTo(CreateClass.Named));
        foreach (var schema in new[] { descriptor.LocationSchema, descriptor.SettingsSchema })
            using (var document = JsonDocument.Parse(schema))
                Assert.That(document.RootElement.GetProperty("type").GetString(), Is.EqualTo("object"));
    }

    [Test]
    public void A_connection_without_endpoint_is_refused() =>
        Assert.That(() => new PodmanDriverFactory().ConnectAsync(null!, new Connection { Installation = "t1" }, CancellationToken.None),
            Throws.InstanceOf<DriverException>().With.Property("Error").Property("Field").EqualTo("endpoint"));

    [Test]
    public void Account_ids_differ_by_machine_and_by_store()
    {
        var ids = new[] { PodmanDriver.AccountId("a", "/s"), PodmanDriver.AccountId("b", "/s"), PodmanDriver.AccountId("a", "/t"), PodmanDriver.AccountId(null, null) };

        Assert.That(ids, Is.Unique);
        Assert.That(PodmanDriver.AccountId("a", "/s"), Is.EqualTo(ids[0]));
    }

    [Test]
    public void A_container_is_asked_for_with_marks_limits_and_no_restart_by_the_platform()
    {
        var body = InstanceBodies.Container(Id, Spec, Web, "pod-id", "image-id", Payload, new PodmanSettings());

        Assert.That(body.Name, Is.EqualTo("ins-0123456789abcdef0123456789abcdef-c-web"));
        Assert.That(body.RestartPolicy, Is.EqualTo("no"));
        Assert.That(body.StopTimeout, Is.EqualTo(30));
        Assert.That(body.Limits, Is.EqualTo(new ResourceLimits { Cpu = new CpuLimit { Quota = 1000, Period = 100_000 }, Memory = new MemoryLimit { Limit = 64L << 20 } }));
        Assert.That(body.Labels[Marks.NameKey], Is.EqualTo(Id.Name));
        Assert.That(body.Labels[Marks.IncarnationKey], Is.EqualTo("3"));
        Assert.That(body.Volumes!.Value.Single().Options, Is.EqualTo(new[] { "ro" }));
        Assert.That(InstanceBodies.Container(Id, Spec, Web, "p", "i", Payload, new PodmanSettings { EnforceLimits = false }).Limits, Is.Null);
    }

    [TestCase(2000, true, "2000")]
    [TestCase(5, true, "10")]
    [TestCase(2000, false, null)]
    public void A_pods_label_says_the_processors_of_its_quota(int millis, bool enforced, string? label)
    {
        var body = InstanceBodies.Pod(Id, Spec with { Size = Spec.Size with { CpuMillis = millis } }, new PodmanSettings { EnforceLimits = enforced });

        Assert.That(body.Labels.GetValueOrDefault(InstanceParts.CpuLabel), Is.EqualTo(label));
        Assert.That((body.Limits?.Cpu?.Quota / 100)?.ToString(System.Globalization.CultureInfo.InvariantCulture), Is.EqualTo(label));
    }

    [Test]
    public void Names_of_secrets_fit_podmans_64_characters_and_tell_their_instance()
    {
        var prefix = Payloads.Prefix(Id with { Installation = new string('i', 16) });

        Assert.That(prefix + "01234567", Has.Length.EqualTo(64));
        Assert.That(Payloads.InstanceOf(new string('i', 16), prefix + "01234567"), Is.EqualTo(Id.Name));
        Assert.That(Payloads.InstanceOf("i", prefix + "01234567"), Is.Null);
    }

    [Test]
    public void A_fingerprint_without_a_field_that_is_known_today_is_no_drift()
    {
        var old = Fingerprint.OfContainer(Spec, Web);
        old.Remove("limits");
        var diff = new SpecDiff();

        Fingerprint.Compare(diff, "", Fingerprint.OfContainer(Spec, Web with { Limits = null }), old);

        Assert.That(diff.ToDrift(), Is.Empty);
    }

    [Test]
    public void A_long_containers_name_gives_a_step_that_the_contract_allows()
    {
        var name = new string('a', 63);

        Assert.That(InstanceParts.Container(name), Has.Length.LessThanOrEqualTo(40).And.Match("^[a-z0-9-]+$"));
        Assert.That(InstanceParts.Container(name), Is.Not.EqualTo(InstanceParts.Container(name[1..])));
    }

    [TestCase("""{"Status":"running","Running":true}""", true)]
    [TestCase("""{"Status":"stopping","Running":false}""", true)]
    [TestCase("""{"Status":"exited","Running":false}""", false)]
    public void A_container_runs_until_its_grace_is_over(string json, bool runs) =>
        Assert.That(JsonSerializer.Deserialize(json, LibpodJson.Default.ContainerState)!.Running, Is.EqualTo(runs));

    [TestCase("""{"Type":"container","Action":"died","Actor":{"Attributes":{"datum-install":"i","datum-name":"n1"}}}""", "Instance n1")]
    [TestCase("""{"Type":"container","Action":"died","Actor":{"Attributes":{"datum-install":"other","datum-name":"n1"}}}""", null)]
    [TestCase("""{"Type":"container","Action":"exec","Actor":{"Attributes":{"datum-install":"i","datum-name":"n1"}}}""", null)]
    [TestCase("""{"Type":"image","Action":"pull","Actor":{"Attributes":{"datum-install":"i","datum-name":"n1"}}}""", null)]
    [TestCase("""{"Type":"pod","Action":"remove","Actor":{"Attributes":{"name":"ins-0123456789abcdef0123456789abcdef"}}}""", "Instance 0123456789abcdef0123456789abcdef")]
    [TestCase("""{"Type":"volume","Action":"remove","Actor":{"Attributes":{"name":"dsk-0123456789abcdef0123456789abcdef"}}}""", "Disk 0123456789abcdef0123456789abcdef")]
    [TestCase("""{"Type":"volume","Action":"remove","Actor":{"Attributes":{"name":"somebodys"}}}""", null)]
    [TestCase("""{"Type":"container","Action":"died","Actor":{"Attributes":{}}}""", null)]
    [TestCase("""{"Type":"container"}""", null)]
    [TestCase("[]", null)]
    public void An_event_hints_at_what_is_ours_or_at_nothing(string json, string? change)
    {
        using var document = JsonDocument.Parse(json);

        var read = PodmanChangeFeed.Read(document.RootElement, "i");

        Assert.That(read is null ? null : $"{read.Kind} {read.Name}", Is.EqualTo(change));
    }

    [Test]
    public void Requests_hold_only_fields_and_paths_that_podmans_own_description_has()
    {
        var definitions = Description(out var paths);
        Check("PodSpecGenerator", JsonSerializer.SerializeToElement(InstanceBodies.Pod(Id, Spec, new PodmanSettings()), LibpodJson.Default.PodCreate));
        Check("SpecGenerator", JsonSerializer.SerializeToElement(InstanceBodies.Container(Id, Spec, Web, "p", "i", Payload, new PodmanSettings()), LibpodJson.Default.ContainerCreate));
        Check("Network", JsonSerializer.SerializeToElement(new NetworkObject { Name = "n", Driver = "bridge", Interface = "dp", Subnets = [], Labels = [], Options = [] }, LibpodJson.Default.NetworkObject));
        Check("VolumeCreateOptions", JsonSerializer.SerializeToElement(new VolumeCreate { Name = "n", Driver = "local", Label = ImmutableDictionary<string, string>.Empty, Labels = ImmutableDictionary<string, string>.Empty }, LibpodJson.Default.VolumeCreate));
        foreach (var path in new[] { "version", "info", "networks/create", "networks/{name}/json", "networks/json", "networks/{name}", "volumes/create", "volumes/json", "pods/create", "pods/{name}", "pods/{name}/json",
            "pods/json", "containers/create", "containers/json", "containers/{name}/json", "containers/{name}/start", "containers/{name}/kill", "containers/{name}/stop", "containers/{name}", "containers/{name}/healthcheck", "containers/stats", "images/{name}/json", "images/pull", "secrets/create", "secrets/json", "secrets/{name}", "events" })
            Assert.That(paths, Does.Contain($"/libpod/{path}"));

        void Check(string definition, JsonElement body)
        {
            var known = ((YamlMappingNode)((YamlMappingNode)definitions[definition])["properties"]).Children.Keys.Select(k => k.ToString()).ToHashSet();
            Assert.That(body.EnumerateObject().Select(p => p.Name).Where(p => !known.Contains(p)), Is.Empty, definition);
        }
    }

    private static YamlMappingNode Description(out HashSet<string> paths)
    {
        using var reader = new StreamReader(SharedFolder.Require("seeds", "specs/local/podman-libpod.swagger.yaml"));
        var yaml = new YamlStream();
        yaml.Load(reader);
        var root = (YamlMappingNode)yaml.Documents[0].RootNode;
        paths = [.. ((YamlMappingNode)root["paths"]).Children.Keys.Select(k => k.ToString())];
        return (YamlMappingNode)root["definitions"];
    }
}
