using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Datum.Providers.Kubernetes;
using Snappier;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// Sends the samples of one sink, one request at a time. What the receiver can't take now waits in a queue of its own: a slow receiver
/// costs its own policy samples and nobody else anything.
/// </summary>
internal sealed class SinkSender(SinkSettings settings, SinkCounters counters, HttpMessageInvoker http, IScheduler scheduler, Action? told = null)
{
    /// <summary>Samples that wait at most; beyond, the oldest go: what is newer is worth more.</summary>
    public const int Capacity = 20_000;

    /// <summary>How long a request may take.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The longest pause that a receiver can ask for.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Queue<Sample> _queue = new();
    private readonly List<Sample> _batch = [];
    private readonly ArrayBufferWriter<byte> _message = new();
    private TaskCompletionSource? _wake;
    private volatile SinkSettings _settings = settings;
    private volatile Delivery _last;

    public SinkCounters Counters => counters;

    /// <summary>How the last request ended.</summary>
    public Delivery Last => _last;

    /// <summary>What holds from the next attempt on. What waits is kept.</summary>
    public SinkSettings Settings
    {
        get => _settings;
        set
        {
            // What another receiver answered says nothing of this one.
            if (_settings.Endpoint != value.Endpoint)
                _last = Delivery.Unknown;
            _settings = value;
        }
    }

    public void Offer(IReadOnlyList<Sample> samples)
    {
        var lost = 0;
        lock (_lock)
        {
            var before = _queue.Count;
            for (var i = 0; i < samples.Count; i++)
            {
                if (_queue.Count == Capacity)
                {
                    _queue.Dequeue();
                    lost++;
                }

                _queue.Enqueue(samples[i]);
            }

            counters.QueueLength = _queue.Count;
            // Whoever waits with something in the queue waits for a full batch, or for its own timer.
            if (before == 0 || _queue.Count >= _settings.MaxBatch)
                _wake?.TrySetResult();
        }

        if (lost > 0)
            counters.Overflow(lost);
    }

    /// <summary>Runs until cancelled; what waits then isn't sent.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                await FillAsync(cancellation);
                await SendAsync(cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopped.
        }
    }

    /// <summary>Waits until a batch is full, or its oldest sample old enough, and takes it.</summary>
    private async Task FillAsync(CancellationToken cancellation)
    {
        _batch.Clear();
        while (true)
        {
            var wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var wait = Timeout.InfiniteTimeSpan;
            lock (_lock)
            {
                if (_queue.TryPeek(out var oldest))
                {
                    wait = DateTimeOffset.FromUnixTimeMilliseconds(oldest.Timestamp) + _settings.BatchTimeout - scheduler.Time.GetUtcNow();
                    if (_queue.Count >= _settings.MaxBatch || wait <= TimeSpan.Zero)
                    {
                        while (_batch.Count < _settings.MaxBatch && _queue.TryDequeue(out var sample))
                            _batch.Add(sample);
                        counters.QueueLength = _queue.Count;
                        return;
                    }
                }

                _wake = wake;
            }

            // A whole millisecond: the clock's timers round down, and would wake us a little too early.
            using var timer = scheduler.Time.CreateTimer(static w => ((TaskCompletionSource)w!).TrySetResult(), wake,
                wait == Timeout.InfiniteTimeSpan ? wait : wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
            using var stopped = cancellation.Register(static w => ((TaskCompletionSource)w!).TrySetResult(), wake);
            await wake.Task;
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private async Task SendAsync(CancellationToken cancellation)
    {
        _message.ResetWrittenCount();
        RemoteWriteMessage.Write(_message, _batch);
        var body = Snappy.CompressToArray(_message.WrittenSpan);
        for (var attempt = 1; ; attempt++)
        {
            var current = _settings;
            var (outcome, pause) = await PostAsync(current, body, cancellation);
            counters.Request(outcome);
            if (outcome == Delivery.Delivered)
                counters.Samples(_batch.Count, sent: true);
            var gaveUp = outcome is not (Delivery.Delivered or Delivery.Throttled or Delivery.Unavailable) || attempt >= current.MaxAttempts;
            // One failed attempt is no news: a receiver that restarts would have the status written twice.
            if (_last != outcome && (outcome == Delivery.Delivered || gaveUp || attempt > 1))
            {
                _last = outcome;
                told?.Invoke();
            }

            if (outcome == Delivery.Delivered)
                return;
            if (gaveUp)
            {
                counters.Samples(_batch.Count, sent: false);
                return;
            }

            var wait = pause is { } asked && asked > current.Backoff ? asked : current.Backoff;
            await scheduler.Delay(wait < LongestPause ? wait : LongestPause, cancellation);
        }
    }

    private async Task<(Delivery Outcome, TimeSpan? Pause)> PostAsync(SinkSettings current, byte[] body, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(RequestTimeout, scheduler.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        using var request = new HttpRequestMessage(HttpMethod.Post, current.Endpoint) { Version = HttpVersion.Version11, Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        request.Content.Headers.ContentEncoding.Add("snappy");
        request.Headers.TryAddWithoutValidation("X-Prometheus-Remote-Write-Version", "0.1.0");
        request.Headers.TryAddWithoutValidation("User-Agent", "datum-providers");
        request.Headers.Authorization = current.Credential;
        try
        {
            // The body isn't read: nothing in it could be told, and the handler drains the little that a connection needs.
            using var response = await http.SendAsync(request, stop.Token);
            return (Judge(response.StatusCode), RetryAfter(response.Headers.RetryAfter));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (Delivery.Unavailable, null);
        }
        catch (HttpRequestException e)
        {
            return (e.InnerException is DestinationRefusedException ? Delivery.DestinationRefused : Delivery.Unavailable, null);
        }
        catch (IOException)
        {
            return (Delivery.Unavailable, null);
        }
    }

    private static Delivery Judge(HttpStatusCode status) => (int)status switch
    {
        >= 200 and < 300 => Delivery.Delivered,
        >= 300 and < 400 => Delivery.Redirected,
        401 or 403 => Delivery.CredentialsRefused,
        429 => Delivery.Throttled,
        >= 500 => Delivery.Unavailable,
        _ => Delivery.Refused,
    };

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? asked) => asked?.Delta ?? (asked?.Date is { } date ? date - scheduler.Time.GetUtcNow() : null);
}
