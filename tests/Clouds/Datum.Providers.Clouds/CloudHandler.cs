using System.Net;
using System.Net.Http.Headers;

namespace Datum.Providers.Clouds;

/// <summary>Leads an HTTP client to a double without a socket; any host name will do.</summary>
public sealed class CloudHandler(ICloud cloud) : HttpMessageHandler
{
    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var uri = request.RequestUri ?? throw new HttpRequestException("The request has no address.");
        var headers = request.Headers.NonValidated.SelectMany(h => h.Value.Select(v => new KeyValuePair<string, string>(h.Key, v)));
        if (request.Content is { } content)
            headers = headers.Concat(content.Headers.NonValidated.SelectMany(h => h.Value.Select(v => new KeyValuePair<string, string>(h.Key, v))));
        var asked = new CloudRequest
        {
            Method = request.Method.Method,
            Path = uri.AbsolutePath,
            Query = CloudRequest.ParseQuery(uri.Query),
            Headers = [.. headers],
            Body = request.Content is null ? default(ReadOnlyMemory<byte>) : await request.Content.ReadAsByteArrayAsync(cancellationToken),
            Authority = uri.GetLeftPart(UriPartial.Authority),
        };
        CloudResponse answer;
        try
        {
            answer = cloud.Handle(asked);
        }
        catch (CloudBrokenException e)
        {
            if (e.Hangs)
                await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new HttpRequestException(HttpRequestError.ResponseEnded, e.Message, e);
        }

        var response = new HttpResponseMessage((HttpStatusCode)answer.Status) { RequestMessage = request, Content = new ByteArrayContent(answer.Body.ToArray()) };
        if (answer.ReasonPhrase is { } words)
            response.ReasonPhrase = words;
        response.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(answer.ContentType);
        foreach (var (name, value) in answer.Headers)
            response.Headers.TryAddWithoutValidation(name, value);
        return response;
    }
}
