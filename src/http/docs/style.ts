/** The page's whole style: no font, picture or sheet is fetched. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fbfaf7;--panel:#fff;--ink:#1f2328;--soft:#5c6570;--line:#e2ded5;--accent:#0a6b4f;--code:#f2efe8;--get:#0a6b4f;--post:#8a4b00;--put:#5b3fa8;--delete:#a32020}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--panel:#1b1f23;--ink:#e4e7ea;--soft:#9aa4ae;--line:#2c3238;--accent:#5ecfa6;--code:#22272c;--get:#5ecfa6;--post:#eab26b;--put:#b9a2f5;--delete:#f08a8a}}
*{box-sizing:border-box}html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;display:grid;grid-template-columns:17rem minmax(0,1fr)}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;border-right:1px solid var(--line);padding:1.25rem 1rem;background:var(--panel)}
nav h1{margin:0 0 .1rem;font-size:1.35rem;letter-spacing:-.02em}nav .version{color:var(--soft);font-size:.8rem}
nav h2{font-size:.72rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft);margin:1.3rem 0 .35rem}
nav ul{list-style:none;margin:0;padding:0}nav li a{display:flex;gap:.5rem;align-items:baseline;padding:.16rem .3rem;border-radius:5px;color:var(--ink);font-size:.88rem}
nav li a:hover{background:var(--code);text-decoration:none}
input{width:100%;margin-top:.9rem;padding:.5rem .65rem;border:1px solid var(--line);border-radius:7px;background:var(--bg);color:var(--ink);font:inherit}
input:focus-visible,a:focus-visible,button:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
main{padding:2rem clamp(1rem,4vw,3.5rem) 6rem;max-width:66rem}
main>h2{margin:3rem 0 .2rem;font-size:1.35rem;letter-spacing:-.01em;text-transform:capitalize}.lead{color:var(--soft);margin:0 0 1rem}
article{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.25rem;margin:1rem 0}
article h3{margin:0;font-size:1rem;display:flex;flex-wrap:wrap;gap:.6rem;align-items:baseline;font-weight:600}article h3 .path{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.92rem;overflow-wrap:anywhere}
article h4{margin:1.1rem 0 .3rem;font-size:.72rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft)}.exact{text-transform:none;letter-spacing:0;font-size:.82rem;margin-left:.4rem}
section h2{margin:2rem 0 .2rem;font-size:1.35rem;letter-spacing:-.01em}.steps{padding-left:1.3rem}.steps li{margin:.9rem 0}.steps .curl{margin-top:.35rem}
.summary{margin:.3rem 0 0}.scope{margin-left:auto;font-size:.75rem;color:var(--soft);font-weight:400}
.method{font:700 .68rem/1 ui-monospace,Menlo,Consolas,monospace;letter-spacing:.03em;min-width:2.6rem;text-transform:uppercase}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete{color:var(--delete)}
table{width:100%;border-collapse:collapse;font-size:.88rem}td{padding:.38rem .5rem .38rem 0;border-top:1px solid var(--line);vertical-align:top}td:first-child{width:13rem;white-space:nowrap}
.optional,.limit{color:var(--soft);font-size:.75rem;margin-left:.45rem}.note{color:var(--soft);font-size:.85rem}
code,pre{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.86em}code{background:var(--code);border-radius:4px;padding:.08em .32em}
.curl{position:relative;margin-top:.9rem}pre{margin:0;background:var(--code);border-radius:8px;padding:.8rem .9rem;overflow-x:auto;line-height:1.5}
button{position:absolute;top:.45rem;right:.45rem;border:1px solid var(--line);background:var(--panel);color:var(--soft);border-radius:6px;font:inherit;font-size:.75rem;padding:.15rem .5rem;cursor:pointer}
details summary{cursor:pointer;color:var(--soft);font-size:.88rem}.hidden{display:none}.none{color:var(--soft)}
@media(max-width:800px){body{display:block}nav{position:static;height:auto;max-height:50vh;border-right:0;border-bottom:1px solid var(--line)}td:first-child{width:auto}}
`;

/** Search as one types (every word must occur), and copying of examples. */
export const SCRIPT = `
const box=document.querySelector('input'),items=[...document.querySelectorAll('[data-words]')],none=document.querySelector('.none');
function search(){const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let found=0;
for(const item of items){const hit=words.every(w=>item.dataset.words.includes(w));item.classList.toggle('hidden',!hit);if(hit)found++}
for(const group of document.querySelectorAll('[data-group]')){const name=group.dataset.group;const some=items.some(i=>i.dataset.in===name&&!i.classList.contains('hidden'));group.classList.toggle('hidden',!some)}
none.classList.toggle('hidden',found>0);document.querySelector('#start').classList.toggle('hidden',words.length>0)}
box.addEventListener('input',search);
document.addEventListener('keydown',e=>{if(e.key==='/'&&document.activeElement!==box){e.preventDefault();box.focus()}if(e.key==='Escape'&&document.activeElement===box){box.value='';search()}});
document.addEventListener('click',async e=>{const b=e.target.closest('button');if(!b)return;try{await navigator.clipboard.writeText(b.nextElementSibling.textContent);b.textContent='copied'}catch{b.textContent='select it'}setTimeout(()=>{b.textContent='copy'},1200)});
for(const pre of document.querySelectorAll('.curl pre'))pre.textContent=pre.textContent.replaceAll('$GRAFT/',location.origin+'/');
`;
