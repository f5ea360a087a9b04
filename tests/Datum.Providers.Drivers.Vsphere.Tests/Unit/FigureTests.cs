using System.Globalization;
using Datum.Providers.Clouds.Vsphere;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>The figures of the operator's page: counted here, held to what the page says.</summary>
public sealed class FigureTests
{
    private const int RoundsPerHour = 240;

    [TestCase(false, 38)]
    [TestCase(true, 45)]
    public async Task Calls_of_an_instance_that_is_made(bool withDisk, int count)
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(change: c => c with { Settings = System.Text.Json.JsonSerializer.SerializeToElement(new { vlans = new { first = 100, last = 199 }, guestBeacon = false }) });
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        var spec = Bench.Machine(network);
        bench.Cloud.Knobs = new VsphereKnobs { Durations = ImmutableDictionary<string, TimeSpan>.Empty.Add("CloneVM_Task", TimeSpan.FromSeconds(8)) };
        var before = bench.Cloud.Calls.Count;
        await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), withDisk ? Bench.WithDisk(spec, disk) : spec);
        var calls = bench.Cloud.Calls.Skip(before).ToList();
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE create disk={withDisk} calls={calls.Count}: {string.Join(", ", calls.Select(c => c.Operation))}"));
        Assert.That(calls, Has.Count.EqualTo(count));
    }

    [Test]
    public async Task Calls_of_an_instance_with_secrets()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (sum, files) = await SecretsLife.CountAsync(bench, driver.Instances!, network);
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE create secrets calls={sum} files={files}"));
        Assert.That((sum, files), Is.EqualTo((72, 10)), "The page says so.");
    }

    [Test]
    public async Task Calls_of_an_hour_in_which_nothing_happens_to_a_thousand_instances()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network));
        // Views are made once a session.
        await Life.ListAsync(bench, driver);
        var lists = await Life.ListAsync(bench, driver);
        var before = bench.Cloud.Calls.Count;
        await bench.Observe(driver.Instances!, id, Bench.Machine(network));
        var look = bench.Cloud.Calls.Count - before;
        // A page holds 250 machines and costs two calls; the one here stands for the first of four.
        var round = lists.Values.Sum() + 6;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE hour round={round} ({string.Join(", ", lists.Select(p => $"{p.Key} {p.Value}"))}) look={look} lists={round * RoundsPerHour} withLooks={round * RoundsPerHour + 3600 * look}"));
        Assert.That((look, round), Is.EqualTo((2, 13)), "The page says so.");
    }

    [Test]
    public async Task A_session_costs_three_calls_and_is_logged_out()
    {
        using var bench = new Bench();
        await using (var driver = await bench.ConnectAsync())
        {
            Assert.That(bench.Cloud.Calls, Is.Empty, "Opening costs nothing.");
            await driver.ProbeAsync(bench.Call());
            await driver.ProbeAsync(bench.Call());
        }

        Assert.That(bench.Cloud.Calls.Select(c => c.Operation).Distinct(), Is.EqualTo(new[] { "RetrieveServiceContent", "Login", "FindByInventoryPath", "Logout" }));
        Assert.That((bench.Cloud.Count("Login"), bench.Cloud.Count("Logout"), bench.Cloud.Sessions), Is.EqualTo((1, 1, 0)));
    }

    /// <summary>What a whole life uses of VMware's description.</summary>
    [Test]
    public async Task A_whole_life_is_held_to_the_description()
    {
        using var bench = new Bench();
        await Life.LiveAsync(bench);
        var operations = bench.Cloud.Calls.Select(c => c.Operation).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        TestContext.Out.WriteLine($"FIGURE operations={operations.Count}: {string.Join(' ', operations)}");
        if (SharedVcsim.Description is { } description)
            TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FIGURE described operations={description.UsedOperations.Count} members={description.UsedMembers.Count} undescribed={string.Join(' ', description.Undescribed)}"));
        Assert.That(operations, Has.Count.GreaterThanOrEqualTo(18));
    }
}
