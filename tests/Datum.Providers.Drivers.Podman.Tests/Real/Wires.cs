using System.Net;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

/// <summary>Lets a request reach Podman and loses its answer, once for each path that matches.</summary>
internal sealed class LosesAnswer(string method, string pathEnd) : DelegatingHandler
{
    public int Lost { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (Lost > 0 || request.Method.Method != method || !request.RequestUri!.AbsolutePath.EndsWith(pathEnd, StringComparison.Ordinal))
            return response;
        Lost++;
        response.Dispose();
        throw new HttpRequestException(HttpRequestError.ResponseEnded, "the answer got lost");
    }
}

/// <summary>Holds answers of pulls back until they are released.</summary>
internal sealed class HoldsPulls : DelegatingHandler
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Pulls { get; private set; }

    public void Release() => _release.TrySetResult();

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.RequestUri!.AbsolutePath.EndsWith("/images/pull", StringComparison.Ordinal))
            return await base.SendAsync(request, cancellationToken);
        Pulls++;
        await _release.Task.WaitAsync(cancellationToken);
        return await base.SendAsync(request, cancellationToken);
    }
}

/// <summary>Answers a pull with fixed lines and lets everything else pass.</summary>
internal sealed class AnswersPulls(string lines) : DelegatingHandler
{
    public HttpRequestMessage? Last { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.RequestUri!.AbsolutePath.EndsWith("/images/pull", StringComparison.Ordinal))
            return await base.SendAsync(request, cancellationToken);
        Last = request;
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(lines) };
    }
}

/// <summary>Keeps everything that goes over the wire, to search it.</summary>
internal sealed class Records : DelegatingHandler
{
    public List<string> Requests { get; } = [];

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests.Add($"{request.Method} {request.RequestUri!.PathAndQuery}");
        return await base.SendAsync(request, cancellationToken);
    }
}
