using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

/// <summary>DC-113 and DC-114 at a real Podman.</summary>
[TestFixture]
public sealed class UsageTests : PodmanFixture
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Test]
    public async Task DC_114_a_pod_that_burns_processors_shows_it_and_an_idle_one_doesnt_and_one_that_stops_shows_nothing()
    {
        var network = await NetworkAsync();
        var (burner, idler) = (NewInstance(), NewInstance());
        var (burning, idling) = (Looping(network, "while :; do :; done"), Looping(network, "while :; do sleep 1000; done"));
        await burner.DriveToReadyAsync(burning);
        await idler.DriveToReadyAsync(idling);

        var began = TimeProvider.System.GetUtcNow();
        Assert.That(await ReadAsync(), Is.Empty, "the first reading only counts");
        UsageSample[] both = [];
        // A quota of half a processor; how much of it the machine has to give is its own affair.
        await Eventually.NothingWrongAsync(async () => (both = await ReadAsync()).Length == 2 && Of(both, burner).CpuMillis >= 50 ? null : string.Join(", ", both.AsEnumerable()), Patience, "both pods are measured and one is busy");
        var (hot, cold) = (Of(both, burner), Of(both, idler));

        Assert.That(hot.CpuMillis, Is.LessThan(700));
        Assert.That(cold.CpuMillis, Is.InRange(0, 20));
        Assert.That((hot.CpuCapacityMillis, cold.CpuCapacityMillis, hot.Incarnation), Is.EqualTo((500L, 500L, 1)));
        Assert.That(hot.ObservedAt, Is.InRange(began, TimeProvider.System.GetUtcNow()));
        Assert.That(await ReadAsync(await ConnectAsync()), Is.Empty, "another session has read nothing yet");

        await burner.DriveAsync(burning with { Suspended = true }, o => o is Present<InstanceFacts> { Next: null, InProgress: null, Facts.Power: PowerState.Stopped });
        Assert.That((await ReadAsync()).Select(s => s.Name), Is.EqualTo(new[] { idler.Id.Name }), "a stopped pod is left out, though its infra container runs");
    }

    private static InstanceSpec Looping(Reference network, string script)
    {
        var web = Web(network, c => c with { Name = "loop", Image = PodmanHost.BusyboxImage, Command = ["sh", "-c", script] });
        return web with { Size = web.Size with { CpuMillis = 500 } };
    }

    private static UsageSample Of(UsageSample[] samples, Driven<InstanceSpec, InstanceFacts> instance) => samples.Single(s => s.Name == instance.Id.Name);

    private async Task<UsageSample[]> ReadAsync(IInfrastructureDriver? driver = null)
    {
        var answer = await ((IUsageReader)(driver ?? Driver)).ListUsageAsync(Calls.New(), new ListQuery { Installation = Installation, PageSize = 10 }, null);
        Assert.That(answer.Error, Is.Null);
        Assert.That((answer.Value!.Next, answer.Value.Complete), Is.EqualTo(((string?)null, true)));
        return [.. answer.Value.Items];
    }
}
