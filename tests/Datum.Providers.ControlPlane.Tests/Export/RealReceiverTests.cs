using System.Net;
using Datum.Providers.ControlPlane.Export;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>What the sender sends, as a receiver that others wrote reads it: through the guarded way out, over a real socket.</summary>
public sealed class RealReceiverTests
{
    private const string Password = "pass:wörd";

    [Test]
    public async Task VictoriaMetrics_reads_what_is_sent_label_by_label()
    {
        await using var victoria = await VictoriaMetrics.StartAsync(Password);
        var now = SystemScheduler.Instance.Time.GetUtcNow().ToUnixTimeMilliseconds();
        var hard = Series.Of("hard", KeyValuePair.Create("text", (string?)"\"quoted\" \\ back\nline {a=\"b\"} é 漢 🙂"), KeyValuePair.Create("long", (string?)new string('x', 900)));
        Sample[] samples =
        [
            new(hard, 1.5, now - 2000), new(hard, -2.25, now - 1000), new(hard, 1e6, now),
            .. Enumerable.Range(0, 1200).Select(i => new Sample(Series.Of("many", KeyValuePair.Create("i", (string?)$"{i}")), i, now)),
        ];

        var counters = await SendAsync(victoria.Endpoint, VictoriaMetrics.User, Password, samples);

        Assert.That(counters.Sent, Is.EqualTo(samples.Length));
        await Eventually.NothingWrongAsync(async () => (await victoria.SamplesAsync("many")).Count is var n and not 1200 ? $"{n} series" : null, TimeSpan.FromSeconds(20), "all series are found");
        var read = (await victoria.SamplesAsync("hard")).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Labels, Is.EquivalentTo(hard.Labels.ToDictionary()));
            Assert.That(read.Values, Is.EqualTo([1.5, -2.25, 1e6]));
        });
    }

    [Test]
    public async Task VictoriaMetrics_refuses_a_wrong_password()
    {
        await using var victoria = await VictoriaMetrics.StartAsync(Password);

        var counters = await SendAsync(victoria.Endpoint, VictoriaMetrics.User, "wrong", [new Sample(Series.Of("m"), 1, 1)]);

        Assert.That(counters.Dropped, Is.EqualTo(1));
    }

    private static async Task<SinkCounters> SendAsync(string endpoint, string user, string password, IReadOnlyList<Sample> samples)
    {
        var guard = new DestinationGuard { AllowHttp = true, Allowed = [IPNetwork.Parse("127.0.0.0/8")] };
        using var http = new HttpMessageInvoker(GuardedHandler.Create(guard));
        using var stop = new CancellationTokenSource();
        var counters = new SinkCounters(new ObjectKey("default", "policy"), "sink");
        var settings = new SinkSettings
        {
            Name = "sink", Selectors = [], Endpoint = new Uri(endpoint), BatchTimeout = TimeSpan.Zero,
            Credential = SinkSettings.Basic(System.Text.Encoding.UTF8.GetBytes(user), System.Text.Encoding.UTF8.GetBytes(password)),
        };
        var sender = new SinkSender(settings, counters, http, SystemScheduler.Instance);
        sender.Offer(samples);
        var running = sender.RunAsync(stop.Token);
        await Eventually.TrueAsync(() => Task.FromResult(counters.Sent + counters.Dropped == samples.Count), TimeSpan.FromSeconds(20), "everything was sent or dropped");
        await stop.CancelAsync();
        await running;
        return counters;
    }
}
