using System.Diagnostics.Metrics;

namespace Datum.Providers.Host.Http;

/// <summary>Counts requests by driver, method, host and class of the status; the law of quiet rest (L8) is watched through it.</summary>
internal sealed class CountingHandler(HttpMessageHandler inner, string driver, string? host) : DelegatingHandler(inner)
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Datum.Providers.Driver.Http";

    private static readonly Meter s_meter = new(MeterName);
    private static readonly Counter<long> s_requests = s_meter.CreateCounter<long>("datum.driver.http.requests", "{request}", "Requests of drivers to their platforms.");

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var result = "error";
        try
        {
            var response = await base.SendAsync(request, cancellationToken);
            result = Class(response);
            return response;
        }
        finally
        {
            Count(request, result);
        }
    }

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var result = "error";
        try
        {
            var response = base.Send(request, cancellationToken);
            result = Class(response);
            return response;
        }
        finally
        {
            Count(request, result);
        }
    }

    private static string Class(HttpResponseMessage response) => ((int)response.StatusCode / 100) switch
    {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };

    private void Count(HttpRequestMessage request, string result) =>
        s_requests.Add(1, new KeyValuePair<string, object?>("driver", driver), new("method", request.Method.Method), new("host", host ?? request.RequestUri?.Host), new("status", result));
}
