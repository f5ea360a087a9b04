namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>Networks: pending changes of others, the platform's lock, tags, bridges.</summary>
public sealed class NetworkTests
{
    [Test]
    public async Task Somebody_s_pending_changes_aren_t_applied_along()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        bench.Cloud.Do("POST", "/cluster/sdn/vnets", ("vnet", "half"), ("zone", "lab"));
        var id = Bench.Id(ResourceKind.Network);
        DriverError? error = null;
        for (var round = 0; round < 10 && error is null; round++)
        {
            var next = (await bench.Observe(driver.Networks!, id, Bench.NetworkOf())) switch { Absent<NetworkFacts> a => a.Next, Present<NetworkFacts> p => p.Next, _ => null };
            var outcome = await driver.Networks!.CreateAsync(bench.Operation(id, next!), id, Bench.NetworkOf());
            error = (outcome as Failed<NetworkFacts>)?.Error;
            id = Bench.Record(id, outcome);
        }

        Assert.That((error!.Code, error.Effect, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied, "vnet/half")));
        var bold = await bench.ConnectAsync(new { storage = "ceph", sdn = new { applyOthersChanges = true } });
        Assert.That((await bench.Build(bold.Networks!, id, Bench.NetworkOf())).Seen.State, Is.EqualTo(Lifecycle.Ready));
    }

    [Test]
    public async Task Somebody_s_pending_range_of_a_network_that_runs_isn_t_applied_along()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        bench.Cloud.Do("POST", "/cluster/sdn/vnets", ("vnet", "theirs"), ("zone", "lab"));
        bench.Cloud.Do("PUT", "/cluster/sdn");
        bench.Cloud.Do("POST", "/cluster/sdn/vnets/theirs/subnets", ("subnet", "10.77.0.0/24"), ("type", "subnet"));
        var error = await RefusedAsync(bench, driver);
        Assert.That((error.Code, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, "vnet/theirs/lab-10.77.0.0-24")));
        Assert.That(bench.Cloud.RunningNetworks.Select(n => n.Path), Has.None.Contains("10.77"));
    }

    [Test]
    public async Task With_the_lock_nobody_else_changes_networks_in_between_and_it_is_given_back()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(new { storage = "ceph", sdn = new { @lock = true } });
        var (id, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.NetworkOf());
        Assert.That(bench.Cloud.Calls.Select(c => c.Operation), Does.Contain("POST /cluster/sdn/lock"));
        // Somebody else has it: nothing of ours goes through, and it stays theirs.
        var token = bench.Cloud.Do("POST", "/cluster/sdn/lock")!.ToString();
        var held = await RefusedAsync(bench, driver, 2);
        Assert.That((held.Code, held.Effect, held.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied, "sdn/lock")));
        bench.Cloud.Do("DELETE", "/cluster/sdn/lock", ("lock-token", token));
        // What isn't applied because of others leaves no lock.
        bench.Cloud.Do("POST", "/cluster/sdn/vnets", ("vnet", "half"), ("zone", "lab"));
        Assert.That((await RefusedAsync(bench, driver, 3)).BlockedBy.Single(), Is.EqualTo("vnet/half"));
        Assert.That(() => bench.Cloud.Do("DELETE", "/cluster/sdn/vnets/half"), Throws.Nothing);
        await bench.TakeDown(driver.Networks!, id);
    }

    /// <summary>Builds a network until a step is refused.</summary>
    private static async Task<DriverError> RefusedAsync(Bench bench, IInfrastructureDriver driver, int number = 1)
    {
        var id = Bench.Id(ResourceKind.Network, number);
        var spec = Bench.NetworkOf(number);
        for (var round = 0; round < 10; round++)
        {
            var next = (await bench.Observe(driver.Networks!, id, spec)) switch { Absent<NetworkFacts> a => a.Next, Present<NetworkFacts> p => p.Next, _ => null };
            var outcome = await driver.Networks!.CreateAsync(bench.Operation(id, next!), id, spec);
            if (outcome is Failed<NetworkFacts> failed)
                return failed.Error;
            id = Bench.Record(id, outcome);
        }

        throw new AssertionException("Nothing is refused.");
    }

    [Test]
    public async Task A_zone_that_needs_tags_gives_each_network_its_own()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(new { storage = "ceph", sdn = new { tags = new { first = 1000, last = 1001 } } });
        var spec = Bench.NetworkOf() with { LocationJson = """{"zone":"vxlan1"}""", Mtu = 1400 };
        var (first, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), spec);
        var (second, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network, 2), spec with { Ranges = ["10.2.0.0/16"] });
        Assert.That(new[] { first.Resolved["tag"], second.Resolved["tag"] }, Is.EquivalentTo(new[] { "1000", "1001" }));
        var third = Bench.Id(ResourceKind.Network, 3);
        var step = ((Absent<NetworkFacts>)await bench.Observe(driver.Networks!, third, spec)).Next!;
        Assert.That(((Failed<NetworkFacts>)await driver.Networks!.CreateAsync(bench.Operation(third, step), third, spec)).Error.Code, Is.EqualTo(ErrorCode.QuotaExceeded));
    }

    [Test]
    public async Task Without_a_zone_a_bridge_and_VLAN_are_claimed_once()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.NetworkOf() with { LocationJson = """{"bridge":"vmbr0","vlan":20}""" };
        var (id, seen, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), spec);
        Assert.That(seen.Facts.Ranges, Is.EqualTo(spec.Ranges));
        var other = Bench.Id(ResourceKind.Network, 2);
        var step = ((Absent<NetworkFacts>)await bench.Observe(driver.Networks!, other, spec)).Next!;
        var refused = ((Failed<NetworkFacts>)await driver.Networks!.CreateAsync(bench.Operation(other, step), other, spec)).Error;
        Assert.That((refused.Code, refused.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, id.Parts[0].Id)));
        var instance = Bench.Sandbox(id) with { LocationJson = spec.LocationJson };
        var (machine, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), instance);
        Assert.That(bench.Config(Bench.Number(machine))["net0"]!.ToString(), Does.Contain("bridge=vmbr0").And.Contain("tag=20"));
        await bench.TakeDown(driver.Instances!, machine);
        await bench.TakeDown(driver.Networks!, id);
        Assert.That(bench.Cloud.Objects.Where(o => o.Collection == "ipsets"), Is.Empty);
    }
}
