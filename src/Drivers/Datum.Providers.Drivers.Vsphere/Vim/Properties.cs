namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>An object and the properties that were asked for; with <see cref="Withheld"/> some of them aren't shown, for that reason.</summary>
internal sealed record VimObject(MoRef Ref, ImmutableDictionary<string, VimNode> Properties, string? Withheld)
{
    public bool Hidden => Withheld is not null;

    public VimNode? Find(string property) => Properties.GetValueOrDefault(property);

    public string? String(string property) => Find(property)?.Text is { Length: > 0 } text ? text : null;

    public bool? Flag(string property) => String(property) switch { "true" or "1" => true, "false" or "0" => false, _ => null };
}

/// <summary>One page of objects. Without <see cref="Complete"/> rights hid something.</summary>
internal sealed record VimPage(ImmutableArray<VimObject> Objects, string? Token, bool Complete);

/// <summary>How properties are read: of one object, of those that it refers to, of everything that a view shows.</summary>
internal sealed class Properties(VimClient client)
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, (long Generation, MoRef View)> _views = new(StringComparer.Ordinal);

    /// <summary>Reads one object; both are null when it isn't there.</summary>
    public async ValueTask<(VimObject? Object, DriverError? Error)> ReadAsync(Call call, MoRef target, params string[] paths)
    {
        var (page, error) = await RetrieveAsync(call, w => Filter(w, target.Type, paths, o => o.Ref("obj", target)), null);
        if (error is not null)
            return error.PlatformCode == "ManagedObjectNotFound" ? (null, null) : (null, error);
        var found = page!.Objects.FirstOrDefault(o => o.Ref == target);
        return found is { Withheld: { } reason } ? (null, Unread(target.Value, reason)) : found is not null ? (found, null) : (null, null);
    }

    /// <summary>Reads the objects that a property of another refers to.</summary>
    public async ValueTask<(ImmutableArray<VimObject> Objects, DriverError? Error)> ReadThroughAsync(Call call, MoRef from, string path, string type, params string[] paths)
    {
        var all = ImmutableArray.CreateBuilder<VimObject>();
        string? token = null;
        do
        {
            var (page, error) = await RetrieveAsync(call, w => Filter(w, type, paths, o => o.Ref("obj", from).Flag("skip", true).Open("selectSet", "TraversalSpec")
                .Text("type", from.Type).Text("path", path).Flag("skip", false).Close()), null, token);
            if (error is not null)
                return ([], error);
            if (!page!.Complete)
                return ([], Unread($"all of {path} of {from.Value}", page.Objects.First(o => o.Hidden).Withheld!));
            all.AddRange(page.Objects);
            token = page.Token;
        }
        while (token is not null);
        return (all.ToImmutable(), null);
    }

    /// <summary>One page of all objects of a type in the inventory. A token continues in the session that gave it out.</summary>
    public async ValueTask<(VimPage? Page, DriverError? Error)> ListAsync(Call call, string type, int size, string? token, params string[] paths)
    {
        if (token is not null)
        {
            var (next, failed) = await RetrieveAsync(call, null, size, token);
            return failed?.PlatformCode is "InvalidArgument" or "InvalidProperty" or "InvalidRequest" or "ManagedObjectNotFound" ? (null, VimErrors.NotOurCursor()) : (next, failed);
        }

        for (var attempt = 0; ; attempt++)
        {
            var (view, generation, error) = await ViewAsync(call, type);
            if (error is not null)
                return (null, error);
            var (page, failed) = await RetrieveAsync(call, w => Filter(w, type, paths, o => o.Ref("obj", view).Flag("skip", true).Open("selectSet", "TraversalSpec")
                .Text("type", "ContainerView").Text("path", "view").Flag("skip", false).Close()), size);
            if (failed?.PlatformCode != "ManagedObjectNotFound" || attempt > 0)
                return (page, failed);
            // The session was renewed, and its views went with it.
            _views.TryRemove(new KeyValuePair<string, (long, MoRef)>(type, (generation, view)));
        }
    }

    /// <summary>All objects of a type in the inventory.</summary>
    public async ValueTask<(ImmutableArray<VimObject> Objects, bool Complete, DriverError? Error)> AllAsync(Call call, string type, params string[] paths)
    {
        var all = ImmutableArray.CreateBuilder<VimObject>();
        var complete = true;
        string? token = null;
        do
        {
            var (page, error) = await ListAsync(call, type, 500, token, paths);
            if (error is not null)
                return ([], false, error);
            all.AddRange(page!.Objects);
            complete &= page.Complete;
            token = page.Token;
        }
        while (token is not null);
        return (all.ToImmutable(), complete, null);
    }

    private async ValueTask<(MoRef View, long Generation, DriverError? Error)> ViewAsync(Call call, string type)
    {
        var (generation, error) = await client.GenerationAsync(call);
        if (error is not null)
            return (default, 0, error);
        if (_views.TryGetValue(type, out var known) && known.Generation == generation)
            return (known.View, generation, null);
        var (content, failed) = await client.ContentAsync(call);
        if (failed is not null)
            return (default, 0, failed);
        var answer = await client.CallAsync(call, "CreateContainerView", content!.ViewManager, w => w.Ref("container", content.RootFolder).Text("type", type).Flag("recursive", true), mutates: false);
        if (answer.Error is not null)
            return (default, 0, answer.Error);
        if (answer.Result?.AsRef() is not { } view)
            return (default, 0, VimErrors.Refused(ErrorCode.Failed, "The platform's answer names no view."));
        // It may be of a newer session than the one above; the next use then makes another, and the session's end takes both away.
        _views[type] = (generation, view);
        return (view, generation, null);
    }

    private async ValueTask<(VimPage? Page, DriverError? Error)> RetrieveAsync(Call call, Action<VimWriter>? filter, int? size, string? token = null)
    {
        var (content, error) = await client.ContentAsync(call);
        if (error is not null)
            return (null, error);
        var answer = token is not null
            ? await client.CallAsync(call, "ContinueRetrievePropertiesEx", content!.PropertyCollector, w => w.Text("token", token), mutates: false, IsRefusal)
            : await client.CallAsync(call, "RetrievePropertiesEx", content!.PropertyCollector, w =>
            {
                filter!(w);
                w.Open("options").Number("maxObjects", size).Close();
            }, mutates: false, IsRefusal);
        if (answer.Error is not null)
            return (null, answer.Error);
        // Nothing at all is an answer without a result.
        if (answer.Result is not { } result)
            return (new VimPage([], null, true), null);
        var objects = result.All("objects").Select(ToObject).OfType<VimObject>().ToImmutableArray();
        return (new VimPage(objects, result.String("token"), objects.All(o => !o.Hidden)), null);
    }

    private static void Filter(VimWriter writer, string type, string[] paths, Action<VimWriter> from)
    {
        writer.Open("specSet").Open("propSet").Text("type", type);
        foreach (var path in paths)
            writer.Text("pathSet", path);
        writer.Close().Open("objectSet");
        from(writer);
        writer.Close().Close();
    }

    private static VimObject? ToObject(VimNode node)
    {
        if (node.Ref("obj") is not { } reference)
            return null;
        var properties = ImmutableDictionary.CreateBuilder<string, VimNode>(StringComparer.Ordinal);
        foreach (var property in node.All("propSet"))
            if (property.String("name") is { } name && property.Find("val") is { } value)
                properties[name] = value;
        // What an object doesn't have isn't withheld.
        var withheld = node.All("missingSet").Select(m => m.Find("fault", "fault")?.Type).FirstOrDefault(t => t is not (null or "InvalidProperty"));
        return new VimObject(reference, properties.ToImmutable(), withheld);
    }

    /// <summary>Why something can't be read, by the reason that the platform gives for each property.</summary>
    public static DriverError Unread(string what, string reason) => reason is "NoPermission" or "SecurityError"
        ? VimErrors.Refused(ErrorCode.Forbidden, $"The account may not read {what}: it lacks System.Read there.") with { PlatformCode = reason }
        : VimErrors.Refused(ErrorCode.Unavailable, $"The platform doesn't show {what} now ({reason}); nothing is concluded from it.") with { PlatformCode = reason };

    // Without a session some servers answer properties with a reason for each that is missing.
    private static bool IsRefusal(VimAnswer answer) =>
        answer.Result?.All("objects").Any(o => o.All("missingSet").Any(m => m.Find("fault", "fault")?.Type == "NotAuthenticated")) == true;
}
