//! The page in the browser: the workspace as one person sees it. Server-made HTML, nothing loaded from elsewhere.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde_json::Value;

use super::{
    message::{Author, Confirm, Message, texts},
    mrkdwn::{escape_html, to_html},
    workspace::Workspace,
};
use crate::mail::Mail;

const STYLE: &str = "
body{font:15px/1.45 system-ui,sans-serif;margin:0;color:#1d1c1d;background:#fff}
header{background:#3b3f46;color:#fff;padding:.7rem 1.2rem}
header p{margin:.2rem 0 0;color:#d5d8dc}header a{color:#fff}
main{max-width:52rem;margin:0 auto;padding:0 1.2rem 4rem}
h2{border-bottom:1px solid #ddd;padding:1rem 0 .3rem;font-size:1.05rem}
article{padding:.6rem .8rem;border-left:3px solid transparent}article:target{border-color:#e8a400}
article.reply{margin-left:2.2rem}article.ephemeral{background:#f6f4ee}
.who{font-weight:700}.when{color:#6b6a6b;font-size:.85em;margin-left:.4rem}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:.3rem 1rem}.context{color:#6b6a6b;font-size:.87em}
pre,code{font:13px/1.4 ui-monospace,monospace;background:#f3f3f3;border-radius:3px}
pre{padding:.5rem;overflow-x:auto;white-space:pre-wrap}code{padding:.05rem .25rem}
form{display:inline}button{font:inherit;font-weight:600;padding:.25rem .7rem;margin:.3rem .4rem 0 0;border-radius:4px;
border:1px solid #bbb;background:#fff;cursor:pointer}button.primary{background:#00704a;color:#fff}
button.danger{background:#c01444;color:#fff}dialog{max-width:30rem;border:1px solid #aaa;border-radius:6px}
.mention{background:#fff3c4}.command{color:#6b6a6b;font-size:.85em}#problems{color:#8a1230}
iframe{width:100%;height:24rem;border:1px solid #ddd}";

/// Asks for the revision once a second and shows the page anew when it has changed, unless a dialog is open.
const SCRIPT: &str = "
let seen=document.body.dataset.revision;
setInterval(async()=>{if(document.querySelector('dialog[open]'))return;
try{const now=await(await fetch('/revision')).text();if(now!==seen)location.reload()}catch{}},1000);
document.addEventListener('click',event=>{const button=event.target.closest('[data-opens],[data-closes]');if(!button)return;
if(button.dataset.opens)document.getElementById(button.dataset.opens).showModal();
else button.closest('dialog').close();});";

/// The whole page for the person with the id `reader`.
pub(super) fn render(workspace: &Workspace, reader: &str) -> String {
    let mut html = String::new();
    let revision = revision(workspace);
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Slack stand-in</title><style>{STYLE}</style>\
         <body data-revision=\"{revision}\"><header><b>Slack stand-in</b><p>Plays Slack and Amazon Q for the local cloud. \
         Nothing here leaves this machine. You are "
    );
    for person in &workspace.people {
        let (id, name) = (escape_html(&person.id), escape_html(&person.name));
        if person.id == reader {
            let _ = write!(html, "<b>@{name}</b> ");
        } else {
            let _ = write!(html, "<a href=\"/?as={id}\">@{name}</a> ");
        }
    }
    html.push_str("· <a href=\"/mails\">Mails</a></p></header><main>");
    for channel in &workspace.channels {
        let _ = write!(html, "<h2>#{}</h2>", escape_html(&channel.name));
        let seen = |message: &&Message| message.channel == channel.id && message.visible_to(reader);
        let all: Vec<&Message> = workspace.messages.iter().filter(seen).collect();
        for message in all.iter().filter(|message| message.thread.is_none()) {
            article(&mut html, workspace, message, reader);
            for reply in all.iter().filter(|reply| reply.thread.as_ref() == Some(&message.ts)) {
                article(&mut html, workspace, reply, reader);
            }
        }
        if all.is_empty() {
            html.push_str("<p class=\"context\">Nothing yet.</p>");
        }
    }
    if !workspace.problems.is_empty() {
        html.push_str("<h2>Refused or dropped</h2><ul id=\"problems\">");
        for problem in &workspace.problems {
            let _ = write!(html, "<li>{}</li>", escape_html(problem));
        }
        html.push_str("</ul>");
    }
    let _ = write!(html, "</main><script>{SCRIPT}</script></body></html>");
    for person in &workspace.people {
        let (id, name) = (escape_html(&person.id), escape_html(&person.name));
        html = html.replace(&format!("<b class=\"mention\">@{id}</b>"), &format!("<b class=\"mention\">@{name}</b>"));
    }
    html
}

/// The page with the mails, the newest first.
pub(super) fn mails(mails: &[Mail]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mails</title><style>{STYLE}</style>\
         <body><header><b>Mails in the local cloud's outbox</b><p>What Amazon SES would have sent. \
         <a href=\"/\">Back to the Slack stand-in</a></p></header><main>"
    );
    for mail in mails.iter().rev() {
        let _ = write!(
            html,
            "<h2>{}</h2><p class=\"context\">From {} to {}</p><pre>{}</pre>",
            escape_html(&mail.subject),
            escape_html(&mail.from),
            escape_html(&mail.to.join(", ")),
            escape_html(&mail.text),
        );
        if let Some(content) = &mail.html {
            // Sandboxed: no script in it runs, and nothing in it is of this page.
            let content = escape_html(content);
            let _ = write!(
                html,
                "<details><summary>As HTML</summary><iframe sandbox srcdoc=\"{content}\"></iframe></details>"
            );
        }
    }
    if mails.is_empty() {
        html.push_str("<p class=\"context\">Nothing yet.</p>");
    }
    html.push_str("</main></body></html>");
    html
}

/// Changes whenever something on the page does.
pub(super) fn revision(workspace: &Workspace) -> String {
    let mut hasher = DefaultHasher::new();
    for message in &workspace.messages {
        (&message.ts, message.edits, message.words(), message.offers.len()).hash(&mut hasher);
    }
    (&workspace.problems.len(), workspace.people.len(), workspace.channels.len()).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn article(html: &mut String, workspace: &Workspace, message: &Message, reader: &str) {
    let author = match &message.author {
        Author::App(id) => workspace.apps.iter().find(|app| app.id == *id).map_or("an app", |app| app.name.as_str()),
        Author::AmazonQ => "Amazon Q (stand-in)",
        Author::Slack => "Slack stand-in",
    };
    let class = match (&message.thread, &message.only_for) {
        (Some(_), _) => "reply",
        (None, Some(_)) => "ephemeral",
        (None, None) => "",
    };
    let notes = [(message.only_for.is_some(), " · only visible to you"), (message.edits > 0, " · edited")];
    let notes: String = notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect();
    let _ = write!(
        html,
        "<article id=\"{ts}\" class=\"{class}\"><span class=\"who\">{}</span><span class=\"when\">{ts}{notes}</span>",
        escape_html(author),
        ts = escape_html(&message.ts),
    );
    // With blocks, Slack shows the text only in notifications.
    if message.blocks.is_empty() {
        let _ = write!(html, "<div>{}</div>", to_html(&message.text));
    }
    for block in &message.blocks {
        block_html(html, block);
    }
    for (index, offer) in message.offers.iter().enumerate() {
        let (Ok(command) | Err(command)) = &offer.command;
        let text = format!("This will run `{command}`");
        let confirm = Confirm { title: offer.label.clone(), text, yes: "Run".to_owned(), no: "Cancel".to_owned() };
        press(html, message, index, &offer.label, "", Some(&confirm), reader);
    }
    for (index, button) in message.buttons().iter().enumerate() {
        if let Some(url) = &button.url {
            let _ = write!(html, "<div>{}</div>", to_html(&format!("<{url}|{}>", button.label)));
        } else {
            let style = button.style.as_deref().unwrap_or_default();
            press(html, message, index, &button.label, style, button.confirm.as_ref(), reader);
        }
    }
    html.push_str("</article>");
}

fn block_html(html: &mut String, block: &Value) {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
    let words = texts(block);
    match kind {
        "divider" => html.push_str("<hr>"),
        "header" => {
            let text: String = words.into_iter().map(|words| words.text).collect();
            let _ = write!(html, "<h3>{}</h3>", escape_html(&text));
        }
        // The buttons come at the end of the message.
        "actions" => {}
        _ => {
            let class = if block.get("fields").is_some() { "fields" } else { kind };
            let _ = write!(html, "<div class=\"{}\">", escape_html(class));
            for words in words {
                let text = if words.markup { to_html(&words.text) } else { escape_html(&words.text) };
                let _ = write!(html, "<div>{text}</div>");
            }
            html.push_str("</div>");
        }
    }
}

/// A button; with a dialog in front of it if one was asked for.
fn press(
    html: &mut String,
    message: &Message,
    index: usize,
    label: &str,
    style: &str,
    confirm: Option<&Confirm>,
    reader: &str,
) {
    let (ts, label, style) = (escape_html(&message.ts), escape_html(label), escape_html(style));
    let reader = escape_html(reader);
    let form = |text: &str| {
        format!(
            "<form method=\"post\" action=\"/press\"><input type=\"hidden\" name=\"ts\" value=\"{ts}\">\
             <input type=\"hidden\" name=\"button\" value=\"{index}\"><input type=\"hidden\" name=\"as\" value=\"{reader}\">\
             <button class=\"{style}\">{text}</button></form>"
        )
    };
    let Some(confirm) = confirm else {
        html.push_str(&form(&label));
        return;
    };
    let id = format!("confirm-{ts}-{index}");
    let _ = write!(
        html,
        "<button class=\"{style}\" data-opens=\"{id}\">{label}</button><dialog id=\"{id}\"><h3>{}</h3><p>{}</p>{}\
         <button data-closes=\"yes\">{}</button></dialog>",
        escape_html(&confirm.title),
        to_html(&confirm.text),
        form(&escape_html(&confirm.yes)),
        escape_html(&confirm.no),
    );
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{super::workspace::Channel, *};

    #[test]
    fn a_mail_cannot_leave_its_frame() {
        let text = "</pre><script>".to_owned();
        let mail = Mail {
            message_id: "1".to_owned(),
            from: text.clone(),
            to: vec![text.clone()],
            subject: text.clone(),
            html: Some("\"><script>".to_owned()),
            text,
        };
        assert!(!mails(&[mail]).contains("<script"));
    }

    #[test]
    fn shows_hostile_words_as_words() {
        let mut workspace = Workspace::default();
        workspace.channels.push(Channel { id: "C1".to_owned(), name: "<i>".to_owned() });
        let body = json!({"text": "&lt;script&gt;", "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "<script>"}},
            {"type": "actions", "elements": [{"type": "button", "action_id": "\"><script>", "value": "<script>",
                "text": {"type": "plain_text", "text": "<script>"},
                "confirm": {"title": {"text": "<script>"}, "text": {"text": "<https://x|<script>"}}}]},
        ]});
        workspace.post("C1", None, Author::AmazonQ, None, &body, Timestamp::UNIX_EPOCH);
        let page = render(&workspace, "U1\"><script>");
        assert_eq!(page.matches("<script").count(), 1, "{page}");
    }
}
