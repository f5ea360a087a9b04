using System.Text.Json.Nodes;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>Taking over what others made, and letting go.</summary>
public sealed class AdoptionTests
{
    private static readonly Step Adopt = new() { Part = "adopt", Verb = StepVerb.Update, Class = CreateClass.Repeatable };

    private static readonly Step Release = new() { Part = "release", Verb = StepVerb.Update, Class = CreateClass.Repeatable };

    [Test]
    public async Task A_person_s_machine_becomes_ours_with_its_own_labels_and_is_found_again_by_its_mark()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(5) });
        var (driver, spec, path) = await TheirsAsync(bench);
        var id = Bench.Id(ResourceKind.Instance, 2);
        var name = path[(path.LastIndexOf('/') + 1)..];
        foreach (var word in (string[])[path, name, "https://www.googleapis.com/compute/v1/projects/demo-project/" + path, bench.At(path)!.Body["id"]!.ToString()])
            Assert.That((await Verbs(driver).InspectAsync(bench.Call(), id, word)).Value?.Parts.Single().Id, Is.EqualTo(path), word);
        id = await AdoptAsync(bench, driver, id, name);
        Assert.That(bench.At(path)!.Body["labels"]!["team"]!.ToString(), Is.EqualTo("blue"));
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id with { Parts = [] }, spec);
        Assert.That((seen.Mark, seen.Parts.Single().Id, seen.Next), Is.EqualTo((MarkState.Ours, path, (Step?)null)));
        Assert.That(await bench.TakeDown(driver.Instances!, id), Is.EqualTo(new[] { "server" }));
    }

    [Test]
    public async Task A_copy_of_an_adopted_machine_isn_t_taken_for_it()
    {
        using var bench = new Bench();
        var (driver, spec, path) = await TheirsAsync(bench);
        var id = await AdoptAsync(bench, driver, Bench.Id(ResourceKind.Instance, 2), path);
        bench.Cloud.Copy(path, "a-clone");
        Assert.That(((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id with { Parts = [] }, spec)).Parts.Single().Id, Is.EqualTo(path));
        bench.Cloud.Vanish(path);
        Assert.That(await bench.Observe(driver.Instances!, id with { Parts = [], Incarnation = 2 }, spec), Is.InstanceOf<Absent<InstanceFacts>>(), "A person's clone is never deleted as a leftover of ours.");
    }

    [Test]
    public async Task A_mark_that_somebody_puts_on_in_between_is_never_overwritten()
    {
        using var bench = new Bench();
        var (_, _, path) = await TheirsAsync(bench);
        using var api = new GcpApi(bench.HttpHandler, bench.Clock, "demo-project", new Uri("http://cloud.test"), new Uri("http://cloud.test"), null, new Redactor());
        var read = bench.At(path)!.Body["labelFingerprint"]!.ToString();
        bench.Cloud.Edit(path, b => b["labels"]!["datum-install"] = "elsewhere");
        var look = await Adoption.RelabelAsync(api, bench.Call(), path, Adoption.Marked(null, Bench.Id(ResourceKind.Instance, 2), "1"), read);
        Assert.That((look.Error?.Code, look.Error?.Effect), Is.EqualTo(((ErrorCode?)ErrorCode.PreconditionFailed, (Effect?)Effect.NotApplied)));
        Assert.That(bench.At(path)!.Body["labels"]!["datum-install"]!.ToString(), Is.EqualTo("elsewhere"));
    }

    [Test]
    public async Task A_machine_that_was_let_go_takes_its_boot_disk_along()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(5) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        await UntilDoneAsync(bench, () => Verbs(driver).ReleaseAsync(bench.Operation(id, Release), id));
        Assert.That(bench.Cloud.Objects.Where(o => o.Collection is "instances" or "disks").Select(o => o.Body["labels"]!.ToJsonString()), Has.None.Contains("datum-"));
        Assert.That(bench.At(id.PartId("server")!)!.Body["status"]!.ToString(), Is.EqualTo("RUNNING"));
        bench.Cloud.Edit(id.PartId("server")!, b => b["disks"]![0]!["autoDelete"] = false);
        bench.Cloud.Vanish(id.PartId("server")!);
        Assert.That(await bench.TakeDown(driver.Instances!, Bench.Id(ResourceKind.Instance)), Is.Empty);
        Assert.That(bench.Cloud.Objects.Count(o => o.Collection == "disks"), Is.EqualTo(1), "Whoever took it over keeps its disk.");
    }

    [Test]
    public async Task What_an_adopted_disk_holds_is_no_reason_to_exchange_it()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (theirs, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        bench.Cloud.Edit(theirs.Parts[0].Id, b => b["labels"] = new JsonObject());
        var id = Bench.Id(ResourceKind.Disk, 2);
        var adopted = (Done<DiskFacts>)await ((IAdoption<DiskFacts>)driver.Disks!).AdoptAsync(bench.Operation(id, Adopt), id, theirs.Parts[0].Id);
        id = Bench.Record(id, adopted);
        var seen = (Present<DiskFacts>)await bench.Observe(driver.Disks!, id, new DiskSpec { SizeGiB = 10, Filesystem = "ext4", LocationJson = Bench.Location });
        Assert.That((seen.Mark, seen.Drift.Length), Is.EqualTo((MarkState.Ours, 0)));
    }

    [TestCase("nobody-knows")]
    [TestCase("zones/us-central1-a/instances/nobody-knows")]
    [TestCase("global/networks/n")]
    [TestCase("../secrets")]
    public async Task What_isn_t_there_is_invalid(string providerId)
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        Assert.That((await Verbs(driver).InspectAsync(bench.Call(), Bench.Id(ResourceKind.Instance), providerId)).Error?.Code, Is.EqualTo(ErrorCode.Invalid));
    }

    private static IAdoption<InstanceFacts> Verbs(IInfrastructureDriver driver) => (IAdoption<InstanceFacts>)driver.Instances!;

    /// <summary>A machine with nobody's mark and a label of a person's own.</summary>
    private static async Task<(IInfrastructureDriver Driver, InstanceSpec Spec, string Path)> TheirsAsync(Bench bench)
    {
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Machine(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var path = id.PartId("server")!;
        bench.Cloud.Edit(path, b => b["labels"] = new JsonObject { ["team"] = "blue" });
        bench.Cloud.Edit(path.Replace("/instances/", "/disks/", StringComparison.Ordinal), b => b["labels"] = new JsonObject());
        return (driver, spec, path);
    }

    private static async Task<Identity> AdoptAsync(Bench bench, IInfrastructureDriver driver, Identity id, string providerId) =>
        Bench.Record(id, await UntilDoneAsync(bench, () => Verbs(driver).AdoptAsync(bench.Operation(id, Adopt), id, providerId)));

    // Labels are changed by an operation: the same call again comes to the end.
    private static async Task<Outcome<InstanceFacts>> UntilDoneAsync(Bench bench, Func<ValueTask<Outcome<InstanceFacts>>> call)
    {
        for (var round = 0; round < 50; round++)
        {
            switch (await call())
            {
                case Done<InstanceFacts> done:
                    return done;
                case Running<InstanceFacts> running:
                    bench.Clock.Advance(running.Progress.LookAgainAfter);
                    break;
                case Failed<InstanceFacts> failed:
                    throw new AssertionException(failed.Error.Message);
                default:
                    break;
            }
        }

        throw new AssertionException("It isn't done after 50 rounds.");
    }
}
