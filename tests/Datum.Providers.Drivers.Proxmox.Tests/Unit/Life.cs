namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>A life that uses everything the driver can do, once.</summary>
internal static class Life
{
    public static InstanceSpec WithSecret(InstanceSpec spec, string hash = "hash1") => spec with
    {
        Sandbox = new SandboxSpec
        {
            Containers = [spec.Sandbox!.Containers[0] with { Environment = [new() { Name = "PASSWORD", From = new PayloadKey { Payload = new PayloadReference { Name = "database", Secret = true, Hash = hash }, Key = "key" } }] }],
        },
    };

    public static async Task LiveAsync(Bench bench)
    {
        bench.Payloads["database"] = "one";
        var driver = await bench.ConnectAsync();
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        Assert.That((await ((IImageCatalog)driver).ListImagesAsync(bench.Call(), new CatalogQuery(), null)).Error?.Message, Is.Null);
        var network = await bench.Network(driver);
        await bench.Build(driver.Networks!, network, Bench.NetworkOf() with { Mtu = 1400, Ranges = ["10.1.0.0/16", "10.2.0.0/24"] });
        var many = Enumerable.Range(1, 40).Select(i => new IngressRule { Protocol = "TCP", Port = 80, Source = FormattableString.Invariant($"192.168.{i * 2}.0/24") });
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), Bench.Rules(network, [.. many, new() { Source = "2001:db8::/32" }]));
        (firewall, _, _) = await bench.Build(driver.Firewalls!, firewall, Bench.Rules(network, new IngressRule { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }));
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        await bench.Build(driver.Disks!, disk, new DiskSpec { SizeGiB = 20, LocationJson = Bench.Location });
        var spec = WithSecret(Bench.Sandbox(network)) with { Volumes = [new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = Bench.Refer(disk), DeviceName = "data", Filesystem = "ext4" } }] };
        var (instance, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        spec = spec with { Interfaces = [spec.Interfaces[0] with { Firewalls = [Bench.Refer(firewall)] }] };
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec);
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec with { Suspended = true });
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec with { RestartedAt = "2030-06-01T00:00:00Z" });
        // Another, of an image that the platform has to fetch.
        var fetching = await bench.ConnectAsync(change: c => c with { Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/sandbox", "https://images.test/sandbox.img#sha256=" + new string('a', 64)) });
        var (imported, _, _) = await bench.Build(fetching.Instances!, Bench.Id(ResourceKind.Instance, 2), Bench.Sandbox(network));
        await ListAsync(bench, driver);
        await bench.TakeDown(driver.Instances!, imported);
        await bench.TakeDown(driver.Instances!, instance);
        await bench.TakeDown(driver.Disks!, disk);
        await bench.TakeDown(driver.Firewalls!, firewall);
        await bench.TakeDown(driver.Networks!, network);
        Assert.That(bench.Cloud.Objects.Where(o => Conformance.ProxmoxWorld.MarkOf(o) is not null).Select(o => o.Path), Is.Empty);
    }

    /// <summary>Every kind's list, to its end; the calls that each took.</summary>
    public static async Task<Dictionary<ResourceKind, int>> ListAsync(Bench bench, IInfrastructureDriver driver)
    {
        var counts = new Dictionary<ResourceKind, int>();
        await One(ResourceKind.Network, driver.Networks!);
        await One(ResourceKind.Firewall, driver.Firewalls!);
        await One(ResourceKind.Disk, driver.Disks!);
        await One(ResourceKind.Instance, driver.Instances!);
        return counts;

        async Task One<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts> verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts
        {
            var before = bench.Cloud.Calls.Count;
            string? cursor = null;
            do
            {
                var answer = await verbs.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, cursor);
                Assert.That(answer.Error?.Message, Is.Null);
                Assert.That(answer.Value!.Complete, Is.True);
                cursor = answer.Value.Next;
            }
            while (cursor is not null);
            counts[kind] = bench.Cloud.Calls.Count - before;
        }
    }
}
