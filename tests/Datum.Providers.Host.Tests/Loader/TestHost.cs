using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>What a session gets from the host, with nothing behind it.</summary>
internal sealed class TestHost : IDriverHost, IDisposable
{
    public static byte[] Canary { get; } = "canary-7f3e"u8.ToArray();

    private readonly HttpClientHandler _handler = new();

    public ILogger Logger => NullLogger.Instance;

    public Meter Meter { get; } = new("Datum.Providers.Tests");

    public TimeProvider Time => TimeProvider.System;

    public HttpMessageHandler HttpHandler => _handler;

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => ValueTask.FromResult<ReadOnlyMemory<byte>>(Canary);

    public void Dispose()
    {
        Meter.Dispose();
        _handler.Dispose();
    }

    public static Call Call(TimeSpan? deadline = null, string id = "test", CancellationToken cancellation = default) => new()
    {
        Id = id,
        Deadline = DateTimeOffset.UtcNow + (deadline ?? TimeSpan.FromSeconds(30)),
        Cancellation = cancellation,
    };

    public static Operation Operation(StepVerb verb, TimeSpan? deadline = null) => new()
    {
        Call = Call(deadline),
        Step = new Step { Part = "network", Verb = verb, Class = CreateClass.Named },
        Token = new string('a', 32),
    };

    public static Identity Identity { get; } = new() { Installation = "test", Kind = ResourceKind.Network, Name = new string('1', 32), Incarnation = 1 };
}
