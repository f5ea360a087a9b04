using System.Globalization;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>The figures of the operator's page: counted here, held to what the page says.</summary>
public sealed class FigureTests
{
    private const int RoundsPerHour = 240;

    private static readonly string Page = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "providers", "proxmox.md"));

    [TestCase(false)]
    [TestCase(true)]
    public async Task Calls_of_an_instance_that_is_made(bool secrets)
    {
        using var bench = new Bench(new ProxmoxKnobs { DefaultDuration = TimeSpan.FromSeconds(8), GuestBoot = TimeSpan.FromSeconds(20) });
        bench.Payloads["database"] = "x";
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var (before, start) = (bench.Cloud.Calls.Count, bench.Clock.Now);
        await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), secrets ? Life.WithSecret(spec) : spec);
        var calls = bench.Cloud.Calls.Skip(before).ToList();
        // One after the other: clone, disk, upload, start, the guest, the medium's removal.
        var own = bench.Cloud.Tasks.Where(t => t.Start >= start).Sum(t => (t.End - t.Start).TotalSeconds) + bench.Cloud.Knobs.GuestBoot!.Value.TotalSeconds;
        var seconds = (bench.Clock.Now - start).TotalSeconds;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE create secrets={secrets} calls={calls.Count} changes={calls.Count(c => c.Method != "GET")} seconds={seconds:0.0} own={own:0.0}"));
        Assert.That(Page, Does.Contain(string.Create(CultureInfo.InvariantCulture, $"{calls.Count} calls{(secrets ? " with secrets" : "")}")));
        Assert.That(seconds - own, Is.InRange(0, 5), "What is waited for beyond the platform's own part.");
    }

    [Test]
    public async Task Calls_of_an_hour_in_which_nothing_happens_to_a_thousand_instances()
    {
        using var bench = new Bench();
        // Small disks: a thousand of them have to fit.
        var driver = await bench.ConnectAsync(new { storage = "ceph", sandboxDiskGiB = 3, sandboxPackages = Array.Empty<string>() });
        var network = await bench.Network(driver);
        var spec = Bench.Sandbox(network);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        for (var n = 1; n < 1000; n++)
            bench.Cloud.Copy($"qemu/{Bench.Number(id)}", (300_000 + n).ToString(CultureInfo.InvariantCulture));
        var lists = await Life.ListAsync(bench, driver);
        var before = bench.Cloud.Calls.Count;
        await bench.Observe(driver.Instances!, id, spec);
        var look = bench.Cloud.Calls.Count - before;
        var round = lists.Values.Sum();
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"FIGURE hour round={round} ({string.Join(", ", lists.Select(p => $"{p.Key} {p.Value}"))}) look={look} lists={round * RoundsPerHour} withLooks={round * RoundsPerHour + 3600 * look}"));
        Assert.That(Page, Does.Contain(string.Create(CultureInfo.InvariantCulture, $"{round} calls a round")).And.Contain(string.Create(CultureInfo.InvariantCulture, $"| {look} calls")));
    }

    [Test]
    public async Task Calls_of_a_look_at_an_instance_with_a_rule_set()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await bench.Network(driver);
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), Bench.Rules(network));
        var spec = Bench.Sandbox(network) with { Interfaces = [Bench.Sandbox(network).Interfaces[0] with { Firewalls = [Bench.Refer(firewall)] }] };
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var before = bench.Cloud.Calls.Count;
        await bench.Observe(driver.Instances!, id, spec);
        Assert.That(bench.Cloud.Calls.Skip(before).Select(c => c.Operation), Is.EqualTo(new[]
        {
            "GET /nodes/{node}/qemu/{vmid}/config", "GET /nodes/{node}/qemu/{vmid}/agent/file-read", "GET /nodes/{node}/qemu/{vmid}/firewall/options", "GET /nodes/{node}/qemu/{vmid}/firewall/rules",
        }));
        Assert.That(Page, Does.Contain("4 with rule sets"));
    }

    /// <summary>What a whole life uses of the platform's description.</summary>
    [TestCase("9.1", "pve-9.apidoc.json")]
    [TestCase("8.4", "pve-8.4.apidoc.json")]
    public async Task A_whole_life_is_held_to_the_description(string release, string file)
    {
        var shared = SharedFolder.PathOrNull is { } folder ? Path.Combine(folder, "specs", "proxmox", file) : null;
        if (shared is null || !File.Exists(shared))
            throw SharedFolder.Missing("seeds", "the reference folder has no specs/proxmox");
        using var bench = new Bench(new ProxmoxKnobs { DefaultDuration = TimeSpan.FromSeconds(8) }, ApiSchema.Load(shared), release);
        await Life.LiveAsync(bench);
        var schema = bench.Cloud.Description!;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE coverage {release} operations={schema.UsedOperations.Count} fields={schema.UsedFields.Count}"));
        Assert.That(schema.UsedOperations, Has.Count.GreaterThanOrEqualTo(40));
    }
}
