using System.Net;
using Datum.Providers.ControlPlane.Export;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>Batches, retries and queues of one sink, on a manual clock.</summary>
public sealed class SinkSenderTests
{
    private static readonly Series s_series = Series.Of("m");
    private ManualScheduler _time = null!;
    private Receiver _receiver = null!;
    private HttpMessageInvoker _http = null!;
    private CancellationTokenSource _stop = null!;

    [SetUp]
    public void Start()
    {
        _time = new ManualScheduler(pumped: true);
        _receiver = new Receiver();
        _http = new HttpMessageInvoker(_receiver);
        _stop = new CancellationTokenSource();
    }

    [TearDown]
    public void Stop()
    {
        _stop.Cancel();
        _time.RunUntilIdle();
        _stop.Dispose();
        _http.Dispose();
        _receiver.Dispose();
    }

    [Test]
    public void Full_batches_go_at_once_and_the_rest_after_the_timeout()
    {
        var sender = Sender(s => s with { MaxBatch = 3, BatchTimeout = TimeSpan.FromSeconds(7) });

        Offer(sender, 8);
        _time.RunUntilIdle();
        Assert.That(Sizes(), Is.EqualTo([3, 3]));

        _time.Advance(TimeSpan.FromSeconds(6.9));
        Assert.That(Sizes(), Is.EqualTo([3, 3]));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.That(Sizes(), Is.EqualTo([3, 3, 2]));
        Assert.That(_receiver.Samples.Select(s => s.Value), Is.EqualTo(Enumerable.Range(0, 8)), "each once, in order");
        Assert.That(sender.Counters.Sent, Is.EqualTo(8));
    }

    [Test]
    public void What_comes_while_a_batch_waits_fills_it_up()
    {
        var sender = Sender(s => s with { MaxBatch = 3, BatchTimeout = TimeSpan.FromMinutes(1) });
        Offer(sender, 2);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.That(Sizes(), Is.Empty);

        Offer(sender, 1);
        _time.RunUntilIdle();

        Assert.That(Sizes(), Is.EqualTo([3]));
    }

    [TestCase(HttpStatusCode.InternalServerError)]
    [TestCase(HttpStatusCode.ServiceUnavailable)]
    [TestCase(HttpStatusCode.TooManyRequests)]
    public void What_may_pass_is_tried_again_as_often_as_the_policy_says(HttpStatusCode status)
    {
        var sender = Sender(s => s with { MaxAttempts = 3, Backoff = TimeSpan.FromSeconds(2) });
        _receiver.Answer(status, times: 3);
        Offer(sender, 1);
        _time.RunUntilIdle();
        Assert.That(_receiver.Requests, Has.Count.EqualTo(1));
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.That(_receiver.Requests, Has.Count.EqualTo(1));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.That(_receiver.Requests, Has.Count.EqualTo(2));
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.That(_receiver.Requests, Has.Count.EqualTo(3));
        Assert.That(sender.Counters.Dropped, Is.EqualTo(1));
        Assert.That(sender.Counters.Sent, Is.Zero);
    }

    [TestCase(HttpStatusCode.BadRequest, nameof(Delivery.Refused))]
    [TestCase(HttpStatusCode.NotFound, nameof(Delivery.Refused))]
    [TestCase(HttpStatusCode.Unauthorized, nameof(Delivery.CredentialsRefused))]
    [TestCase(HttpStatusCode.Forbidden, nameof(Delivery.CredentialsRefused))]
    [TestCase(HttpStatusCode.TemporaryRedirect, nameof(Delivery.Redirected))]
    public void What_will_not_pass_is_dropped_at_once(HttpStatusCode status, string last)
    {
        var sender = Sender();
        _receiver.Answer(status);
        Offer(sender, 1);
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.That(_receiver.Requests, Has.Count.EqualTo(1));
        Assert.That(sender.Last.ToString(), Is.EqualTo(last));
        Assert.That(sender.Counters.Dropped, Is.EqualTo(1));
    }

    [TestCase(30, 30)]
    [TestCase(1, 5, Description = "shorter than the policy's own pause")]
    [TestCase(86_400, 300, Description = "longer than anybody may ask for")]
    public void A_pause_that_the_receiver_asks_for_is_kept_within_limits(int asked, int kept)
    {
        var sender = Sender(s => s with { Backoff = TimeSpan.FromSeconds(5) });
        _receiver.Answer(HttpStatusCode.TooManyRequests, retryAfter: TimeSpan.FromSeconds(asked));
        Offer(sender, 1);
        _time.RunUntilIdle();
        _time.Advance(TimeSpan.FromSeconds(kept - 0.1));
        Assert.That(_receiver.Requests, Has.Count.EqualTo(1));
        _time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.That(_receiver.Requests, Has.Count.EqualTo(2));
        Assert.That(sender.Counters.Sent, Is.EqualTo(1));
    }

    [Test]
    public void A_receiver_that_doesnt_answer_is_given_up_after_half_a_minute()
    {
        var sender = Sender(s => s with { MaxAttempts = 1 });
        _receiver.Delay = (_, cancellation) => _time.Delay(TimeSpan.FromHours(1), cancellation);
        Offer(sender, 1);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.That(sender.Last, Is.EqualTo(Delivery.Unknown));
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.That(sender.Last, Is.EqualTo(Delivery.Unavailable));
        Assert.That(sender.Counters.Dropped, Is.EqualTo(1));
    }

    [Test]
    public void A_full_queue_loses_the_oldest_and_counts_them()
    {
        var sender = Sender(s => s with { MaxBatch = 1, MaxAttempts = 1 });
        _receiver.Delay = (_, cancellation) => _time.Delay(TimeSpan.FromSeconds(20), cancellation);
        Offer(sender, 1);
        _time.RunUntilIdle();
        Offer(sender, SinkSender.Capacity + 10);

        Assert.That(sender.Counters.Overflowed, Is.EqualTo(10));
        Assert.That(sender.Counters.QueueLength, Is.EqualTo(SinkSender.Capacity));
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.That(_receiver.Samples.Last().Value, Is.EqualTo(10), "the ten oldest are gone");
    }

    [Test]
    public void New_credentials_hold_from_the_next_attempt_on()
    {
        var sender = Sender(s => s with { Credential = SinkSettings.Basic("u"u8, "old"u8) });
        _receiver.Answer(HttpStatusCode.ServiceUnavailable);
        Offer(sender, 1);
        _time.RunUntilIdle();
        sender.Settings = sender.Settings with { Credential = SinkSettings.Basic("u"u8, "new"u8) };
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.That(_receiver.Requests.Select(r => r.Authorization), Is.EqualTo(["Basic dTpvbGQ=", "Basic dTpuZXc="]));
    }

    [Test]
    public void Another_endpoint_begins_anew()
    {
        var sender = Sender();
        Offer(sender, 1);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(sender.Last, Is.EqualTo(Delivery.Delivered));

        sender.Settings = sender.Settings with { MaxBatch = 2 };
        Assert.That(sender.Last, Is.EqualTo(Delivery.Delivered));
        sender.Settings = sender.Settings with { Endpoint = new Uri("https://other.example.com/") };
        Assert.That(sender.Last, Is.EqualTo(Delivery.Unknown));
    }

    [Test]
    public void A_request_says_what_the_protocol_asks_for()
    {
        Offer(Sender(), 1);
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.That(_receiver.Requests.Single().Headers.ReplaceLineEndings("\n"), Does.Contain("X-Prometheus-Remote-Write-Version: 0.1.0\n")
            .And.Contain("Content-Type: application/x-protobuf\n").And.Contain("Content-Encoding: snappy\n").And.Contain("User-Agent: datum-providers"));
    }

    /// <summary>The first failed attempt of a batch isn't told: the second one may succeed, and the status would be written twice for nothing.</summary>
    [Test]
    public void Only_a_failure_that_lasts_is_told()
    {
        var told = 0;
        var sender = Sender(told: () => told++);
        Offer(sender, 1);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(told, Is.EqualTo(1), "delivered");

        _receiver.Answer(HttpStatusCode.ServiceUnavailable);
        Offer(sender, 1);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(told, Is.EqualTo(1));

        _receiver.Answer(HttpStatusCode.ServiceUnavailable, times: 2);
        Offer(sender, 1);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(told, Is.EqualTo(3), "unavailable, delivered");
    }

    [Test]
    public void Settings_print_no_secret() =>
        Assert.That((Settings() with { Credential = SinkSettings.Basic("u"u8, "p"u8) }).ToString(), Is.EqualTo("SinkSettings { Name = sink }"));

    private SinkSender Sender(Func<SinkSettings, SinkSettings>? change = null, Action? told = null)
    {
        var settings = Settings();
        var sender = new SinkSender(change?.Invoke(settings) ?? settings, new SinkCounters(new ObjectKey("default", "policy"), "sink"), _http, _time, told);
        _ = _time.Run(() => sender.RunAsync(_stop.Token));
        _time.RunUntilIdle();
        return sender;
    }

    private static SinkSettings Settings() => new() { Name = "sink", MaxBatch = 1, Selectors = [], Endpoint = new Uri("https://metrics.example.com/push") };

    private void Offer(SinkSender sender, int count) =>
        sender.Offer([.. Enumerable.Range(0, count).Select(i => new Sample(s_series, i, _time.Now.ToUnixTimeMilliseconds()))]);

    private IEnumerable<int> Sizes() => _receiver.Requests.Select(r => r.Samples.Count);
}
