using System.Globalization;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Tests.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>The figures of the operator's page: counted here, held to what the page says.</summary>
public sealed class FigureTests
{
    private const int RoundsPerHour = 240;

    [TestCase(false, 13)]
    [TestCase(true, 28)]
    public async Task Calls_of_an_instance_that_is_made(bool secrets, int count)
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(8), GuestBoot = TimeSpan.Zero });
        bench.Payloads["database"] = "x";
        var driver = await bench.ConnectAsync(Life.Settings);
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Sandbox(network, subnet);
        // What is looked up once for all of them.
        await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var before = bench.Cloud.Calls.Count;
        await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance, 2), secrets ? Life.WithSecret(spec) : spec);
        var calls = bench.Cloud.Calls.Skip(before).ToList();
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE create secrets={secrets} calls={calls.Count}: {string.Join(", ", calls.Select(c => $"{c.Method} {c.Path[(c.Path.LastIndexOf('/') + 1)..]}"))}"));
        Assert.That(calls, Has.Count.EqualTo(count));
    }

    [Test]
    public async Task Calls_of_an_hour_in_which_nothing_happens_to_a_thousand_instances()
    {
        using var bench = new Bench(new GcpKnobs { GuestBoot = TimeSpan.Zero });
        var driver = await bench.ConnectAsync(Life.Settings);
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Sandbox(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), new FirewallSpec { Network = Bench.Refer(network), Ingress = [new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }] });
        for (var n = 1; n < 1000; n++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{n:x32}");
            bench.Cloud.Copy(id.PartId("server")!, "ins-" + name);
            bench.Cloud.Copy(id.PartId("server")!.Replace("/instances/", "/disks/", StringComparison.Ordinal), "ins-" + name);
            bench.Cloud.Copy(firewall.Parts[0].Id, "fw-" + name);
        }

        var lists = await Life.ListAsync(bench, driver);
        var before = bench.Cloud.Calls.Count;
        await bench.Observe(driver.Instances!, id, spec);
        var look = bench.Cloud.Calls.Count - before;
        var round = lists.Values.Sum();
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"FIGURE hour round={round} ({string.Join(", ", lists.Select(p => $"{p.Key} {p.Value}"))}) look={look} lists={round * RoundsPerHour} withLooks={round * RoundsPerHour + 3600 * look}"));
        Assert.That((look, round), Is.EqualTo((2, 12)));
    }

    /// <summary>What a whole life and the kit's samples use of Google's description.</summary>
    [Test]
    public async Task A_whole_life_is_held_to_the_description()
    {
        if (Descriptions.Checker is null)
            throw SharedFolder.Missing("seeds", "neither the reference folder nor DATUM_GCP_DISCOVERY has Google's discovery documents");
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(8) }, DescriptionChecker.Load(Descriptions.Files(), selection: Descriptions.NewerFolder is null));
        await Life.LiveAsync(bench);
        var checker = bench.Cloud.Description!;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE coverage methods={checker.UsedMethods.Count} fields={checker.UsedFields.Count}"));
        TestContext.Out.WriteLine(string.Join('\n', checker.UsedMethods));
        TestContext.Out.WriteLine(string.Join(' ', checker.UsedFields));
        Assert.That(checker.UsedMethods, Has.Count.GreaterThanOrEqualTo(45));
    }
}
