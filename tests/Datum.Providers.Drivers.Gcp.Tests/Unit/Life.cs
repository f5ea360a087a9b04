namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>A life that uses everything the driver can do, once.</summary>
internal static class Life
{
    public static readonly object Settings = new { authentication = new { mode = "None" }, instanceServiceAccount = "guests@demo-project.iam.gserviceaccount.com" };

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
        var driver = await bench.ConnectAsync(Settings);
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        await LookAroundAsync(bench, driver);

        var (network, subnet) = await bench.Landscape(driver);
        await bench.Build(driver.Networks!, network, new NetworkSpec { Mtu = 8896, LocationJson = Bench.Location });
        var rules = new FirewallSpec { Network = Bench.Refer(network), Ingress = [new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }, new() { Source = "2001:db8::/32" }] };
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), rules);
        await bench.Build(driver.Firewalls!, firewall, rules with { Ingress = [] });
        var (address, _, _) = await bench.Build(driver.Addresses!, Bench.Id(ResourceKind.Address), new AddressSpec { IpFamily = "IPv4", LocationJson = Bench.Location });
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        await bench.Build(driver.Disks!, disk, new DiskSpec { SizeGiB = 20, LocationJson = Bench.Location });
        var (secret, _, _) = await bench.Build(driver.Secrets!, Bench.Id(ResourceKind.Secret), Secret("h1"));
        await bench.Build(driver.Secrets!, secret, Secret("h2"));

        var spec = WithSecret(Bench.Sandbox(network, subnet)) with { Volumes = [new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = Bench.Refer(disk), DeviceName = "data", Filesystem = "ext4" } }] };
        var (instance, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        spec = spec with { Interfaces = [spec.Interfaces[0] with { Firewalls = [Bench.Refer(firewall)] }] };
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec);
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec with { Suspended = true });
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec with { RestartedAt = "2030-06-01T00:00:00Z" });
        bench.Cloud.SetStatus(instance.PartId("server")!, "SUSPENDED");
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec with { RestartedAt = "2030-06-01T00:00:00Z" });
        bench.Cloud.Edit(instance.PartId("server")!, b => b["disks"]![1]!["autoDelete"] = true);
        Assert.That((await ((IConsoleLog)driver).ReadConsoleAsync(bench.Call(), instance, new ConsoleQuery())).Error?.Message, Is.Null);

        await ListAsync(bench, driver);
        await bench.TakeDown(driver.Instances!, instance);
        await bench.TakeDown(driver.Secrets!, secret);
        await bench.TakeDown(driver.Disks!, disk);
        await bench.TakeDown(driver.Addresses!, address);
        await bench.TakeDown(driver.Firewalls!, firewall);
        await bench.TakeDown(driver.Subnets!, subnet);
        await bench.TakeDown(driver.Networks!, network);
        Assert.That(bench.Cloud.Objects, Is.Empty);
        Assert.That(bench.Cloud.StoredSecrets, Is.Empty);
    }

    /// <summary>Every kind's list, to its end; the calls that each took.</summary>
    public static async Task<Dictionary<ResourceKind, int>> ListAsync(Bench bench, IInfrastructureDriver driver)
    {
        var counts = new Dictionary<ResourceKind, int>();
        await One(ResourceKind.Network, driver.Networks!);
        await One(ResourceKind.Subnet, driver.Subnets!);
        await One(ResourceKind.Firewall, driver.Firewalls!);
        await One(ResourceKind.Address, driver.Addresses!);
        await One(ResourceKind.Disk, driver.Disks!);
        await One(ResourceKind.Secret, driver.Secrets!);
        await One(ResourceKind.Instance, driver.Instances!);
        return counts;

        async Task One<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts> verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts
        {
            var before = bench.Cloud.Calls.Count;
            string? cursor = null;
            do
            {
                var page = (await verbs.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, cursor)).Value!;
                Assert.That(page.Complete, Is.True);
                cursor = page.Next;
            }
            while (cursor is not null);
            counts[kind] = bench.Cloud.Calls.Count - before;
        }
    }

    private static SecretSpec Secret(string hash) => new() { Payload = new PayloadReference { Name = "database", Secret = true, Hash = hash } };

    private static async Task LookAroundAsync(Bench bench, IInfrastructureDriver driver)
    {
        var query = new CatalogQuery { LocationJson = Bench.Location };
        Assert.That((await ((IOfferings)driver).ListOfferingsAsync(bench.Call(), query, null)).Error?.Message, Is.Null);
        Assert.That((await ((IImageCatalog)driver).ListImagesAsync(bench.Call(), query, null)).Error?.Message, Is.Null);
        Assert.That((await ((IQuotas)driver).ReadQuotasAsync(bench.Call())).Error?.Message, Is.Null);
    }
}
