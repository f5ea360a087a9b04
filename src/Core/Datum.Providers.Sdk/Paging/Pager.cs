using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>One page as it came, and the cursor of the next.</summary>
public sealed class PageResult
{
    /// <summary>The answer; its error is <see cref="Error"/>.</summary>
    public required RestResult Answer { get; init; }

    /// <summary>For <see cref="ListPage{TFacts}.Next"/>; null on the last page and on an error.</summary>
    public string? Next { get; init; }

    /// <summary>Why there is no page; null when there is one.</summary>
    public DriverError? Error { get; init; }
}

/// <summary>All pages of a listing, in order.</summary>
public sealed class PageSet
{
    /// <summary>The answers.</summary>
    public required ImmutableArray<RestResult> Pages { get; init; }
}

/// <summary>Reads one listing page by page, or as a whole. Holds no state: where it stands is in the cursor.</summary>
public sealed class Pager
{
    private readonly PageStyle _style;
    private readonly string _scope;

    /// <summary>Makes a pager.</summary>
    /// <param name="style">How the platform pages.</param>
    /// <param name="scope">What the listing is of: account, kind, installation, partition. A cursor of another scope is refused.</param>
    public Pager(PageStyle style, params IEnumerable<string> scope)
    {
        _style = style;
        _scope = PageCursor.Scope(scope);
    }

    /// <summary>Pages at most; a listing that goes on is an error (Failed), since its cursors lead nowhere. Default 10000.</summary>
    public int MaxPages { get; init; } = 10_000;

    /// <summary>Which answers to a cursor mean that the platform doesn't know the position any more. Default: status 410.</summary>
    public Func<RestResult, bool> Expired { get; init; } = static answer => answer.Status == 410;

    /// <summary>
    /// Reads one page. A cursor that isn't this listing's, or that the platform has forgotten, is <see cref="ErrorCode.PreconditionFailed"/>:
    /// the listing begins again (DC-59).
    /// </summary>
    /// <param name="client">Sends it.</param>
    /// <param name="call">The call.</param>
    /// <param name="first">The request of the first page, without paging parameters but with filters and page size.</param>
    /// <param name="cursor">From <see cref="PageResult.Next"/>; null for the first page.</param>
    public async ValueTask<PageResult> GetAsync(RestClient client, Call call, RestRequest first, string? cursor = null)
    {
        var page = 0;
        string? position = null;
        if (cursor is not null && !PageCursor.TryRead(_style, _scope, cursor, out page, out position))
            return Refused(new RestResult(), ErrorCode.PreconditionFailed, "The cursor belongs to another listing or another version of the driver. Begin the listing again.");
        var answer = await client.SendAsync(call, _style.Request(first, position, client));
        if (answer.Error is { } error)
            return cursor is not null && Expired(answer)
                ? Refused(answer, ErrorCode.PreconditionFailed, "The platform doesn't know the cursor's position any more. Begin the listing again.")
                : new PageResult { Answer = answer, Error = error };
        string? next;
        try
        {
            next = _style.Next(answer, position, client);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            return Refused(answer, ErrorCode.Failed, $"The next page of the listing can't be found: {(e is JsonException ? "the answer isn't JSON" : e.Message)}.");
        }

        if (next is null)
            return new PageResult { Answer = answer };
        if (next == position)
            return Refused(answer, ErrorCode.Failed, "The listing doesn't move: the platform names the page again that it just gave.");
        if (page + 1 >= MaxPages)
            return Refused(answer, ErrorCode.Failed, $"The listing has more than {MaxPages} pages.");
        var written = PageCursor.Write(_style, _scope, page + 1, next);
        return written.Length <= PageCursor.MaxLength
            ? new PageResult { Answer = answer, Next = written }
            : Refused(answer, ErrorCode.Failed, $"The platform's page position is {next.Length} characters and too long for a cursor.");
    }

    /// <summary>
    /// Reads every page, for an observation by search: only then does finding nothing mean absence (DC-21). Any page that fails is the error;
    /// one that <paramref name="complete"/> turns down (a zone that didn't answer, rows hidden) is <see cref="ErrorCode.Unavailable"/>.
    /// </summary>
    /// <param name="client">Sends them.</param>
    /// <param name="call">The call; its deadline covers all pages.</param>
    /// <param name="first">The request of the first page.</param>
    /// <param name="complete">Whether the platform left nothing out of a page; null where it never does.</param>
    public async ValueTask<Answer<PageSet>> AllAsync(RestClient client, Call call, RestRequest first, Func<RestResult, bool>? complete = null)
    {
        var pages = ImmutableArray.CreateBuilder<RestResult>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        string? cursor = null;
        do
        {
            var page = await GetAsync(client, call, first, cursor);
            if (page.Error is { } error)
                return error;
            if (complete is not null && !complete(page.Answer))
                return Error(ErrorCode.Unavailable, "The platform's listing is incomplete; nothing is concluded from what it doesn't show.");
            pages.Add(page.Answer);
            cursor = page.Next;
            // Cursors count pages, so a circle shows in the position alone.
            if (cursor is not null && !seen.Add(cursor[(cursor.LastIndexOf('.') + 1)..]))
                return Error(ErrorCode.Failed, "The listing goes in a circle: the platform names a page again that it gave before.");
        }
        while (cursor is not null);
        return new PageSet { Pages = pages.ToImmutable() };
    }

    private static PageResult Refused(RestResult answer, ErrorCode code, string message) => new() { Answer = answer, Error = Error(code, message) };

    private static DriverError Error(ErrorCode code, string message) =>
        new() { Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Resource, Message = message };
}
